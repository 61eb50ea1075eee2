-- luacheck lua scripts tests/lua
std = "lua54"
max_line_length = 100
self = false -- methods may leave `self` alone
files["tests/lua"] = { std = "lua54+busted" }
