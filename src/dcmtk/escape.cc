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

std::string escaped(std::string_view text, std::string_view keep)
{
    std::string result;
    for (size_t i = 0; i < text.size();) {
        unsigned long code_point = 0;
        size_t size = gs_utf8_next(text.data() + i, text.size() - i, &code_point);
        bool wanted = keep.find(text[i]) != std::string_view::npos;
        if (size > 0 && (wanted || !is_hidden(code_point))) {
            result.append(text, i, size);
            i += size;
            continue;
        }
        size_t end = i + (size > 0 ? size : 1);
        for (; i < end; i++) {
            char code[8];
            snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(text[i]));
            result += code;
        }
    }
    return result;
}

} // namespace room
