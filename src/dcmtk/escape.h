/* escape: makes text safe to print (P7: what we print contains no raw bytes from the peer). */
#ifndef GS_ESCAPE_H
#define GS_ESCAPE_H

#include <string>
#include <string_view>

namespace room
{

/* Control characters (C0, DEL, C1) and bytes that are not UTF-8 become "\x1b". Characters of `keep`
 * stay. What is escaped stays as it is when it is escaped again. */
std::string escaped(std::string_view text, std::string_view keep = {});

/* The same for JSON, by its own escapes; what is not UTF-8 becomes U+FFFD. C0 is in it only between
 * values, and stays. */
std::string escaped_json(std::string_view json);

} // namespace room

#endif
