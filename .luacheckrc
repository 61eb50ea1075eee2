-- luacheck lua scripts docs tests/lua
std = "lua54"
max_line_length = 100
self = false -- methods may leave `self` alone
files["lua/stdlib/getscu/program.lua"] = { globals = { "arg" } }
files["tests/lua"] = { std = "lua54+busted" }
