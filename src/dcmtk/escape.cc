#include "dcmtk/escape.h"

extern "C" {
#include "text/text.h"
}

#include <cstdio>

namespace room
{

/* Also what reverses the direction of writing, with which a text can look like another. */
static bool is_hidden(unsigned long code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0xfeff;
}

/* `replace` appends what stands for a character that is not shown; it is given its bytes and its
 * code point, U+FFFD where it is not UTF-8. */
template <class Replace>
static std::string without_hidden(std::string_view text, std::string_view keep, Replace replace)
{
    std::string result;
    for (size_t i = 0, size; i < text.size(); i += size) {
        unsigned long code_point = 0;
        size = gs_utf8_next(text.data() + i, text.size() - i, &code_point);
        bool valid = size > 0;
        size = valid ? size : 1;
        bool wanted = keep.find(text[i]) != std::string_view::npos;
        if (valid && (wanted || !is_hidden(code_point)))
            result.append(text, i, size);
        else
            replace(result, text.substr(i, size), valid ? code_point : 0xfffd);
    }
    return result;
}

std::string escaped(std::string_view text, std::string_view keep)
{
    return without_hidden(
        text, keep, [](std::string &result, std::string_view bytes, unsigned long) {
            for (char byte : bytes) {
                char code[8];
                snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(byte));
                result += code;
            }
        });
}

std::string escaped_json(std::string_view json)
{
    return without_hidden(json, "\t\n\r",
                          [](std::string &result, std::string_view, unsigned long code_point) {
                              char code[16];
                              snprintf(code, sizeof code, "\\u%04lx", code_point);
                              result += code;
                          });
}

} // namespace room
