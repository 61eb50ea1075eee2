/* The data dictionary where there is no memory for it. A program of its own: it is loaded once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dcmtk/dictionary.h"

#include <string.h>
#include <sys/resource.h>

/* What reads the dictionary takes malloc(3) for granted: without memory the process ended by
 * SIGSEGV. */
static void a_dictionary_without_memory_is_an_error_and_with_memory_it_is_loaded(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* an instrumented program needs more to live */
#endif
    struct gs_tag tag;
    struct gs_error error;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
    small = (struct rlimit){.rlim_cur = 4 << 20, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_DATA, &small), 0);
    int result = gs_keyword_to_tag("WindowCenter", &tag, &error);
    assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
    assert_int_equal(result, -1);
    assert_string_equal(error.code, "memory");
    assert_int_equal(gs_keyword_to_tag("WindowCenter", &tag, &error), 0);
    assert_int_equal(tag.group, 0x0028);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dictionary_without_memory_is_an_error_and_with_memory_it_is_loaded),
    };
    return cmocka_run_group_tests_name("dictionary", tests, NULL, NULL);
}
