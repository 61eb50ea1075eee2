--- lua_source: where a word stands in a Lua program, for messages about what it declares.
--
-- A table knows nothing of the line on which a field was written, so the text is looked at once
-- more: its words and strings, without comments.

local lua_source = {}

-- Skips what a long bracket begins at `at`; nil where there is none.
local function after_long(text, at)
    local level = text:match("^%[(=*)%[", at)
    if not level then return nil end
    local _, last = text:find("]" .. level .. "]", at, true)
    return (last or #text) + 1
end

local function after_string(text, at, quote)
    local from = at + 1
    while from <= #text do
        local character = text:sub(from, from)
        if character == quote or character == "\n" then return from + 1 end
        from = from + (character == "\\" and 2 or 1)
    end
    return from
end

-- The end of the token at `at`, and its kind: "name", "string", "comment", or the character itself.
local function token(text, at)
    local first = text:sub(at, at)
    if text:find("^%-%-", at) then
        local after = after_long(text, at + 2) or text:find("\n", at, true) or #text + 1
        return after, "comment"
    elseif first == "'" or first == '"' then
        return after_string(text, at, first), "string"
    elseif first:find "[%a_]" then
        return text:match("^[%w_]+()", at), "name"
    end
    local after = after_long(text, at)
    if after then return after, "string" end
    return at + 1, first
end

local function lines_before(text, at)
    local _, count = text:sub(1, at - 1):gsub("\n", "")
    return count + 1
end

-- Calls visit(kind, text, at, after) for each token until it returns true.
local function each(text, visit)
    local at = text:find("%S") or #text + 1
    while at <= #text do
        local after, kind = token(text, at)
        if kind ~= "comment" and visit(kind, text:sub(at, after - 1), at, after) then return end
        at = text:find("%S", after) or #text + 1
    end
end

--- The line on which a field is written in a table constructor, as `name =` or `["name"] =`.
-- @param text of the program
-- @param name of the field
-- @return integer, or nil: it is made in another way
function lua_source.field_line(text, name)
    local line
    each(text, function(kind, word, at, after)
        local is_field = kind == "name" and word == name and text:find("^%s*=[^=]", after)
            or kind == "string" and word:sub(2, -2) == name and text:find("^%s*%]%s*=[^=]", after)
        line = is_field and lines_before(text, at)
        return line
    end)
    return line
end

--- The line on which a string or name first stands.
-- @return integer or nil
function lua_source.word_line(text, wanted)
    local line
    each(text, function(kind, word, at)
        local found = kind == "string" and word:sub(2, -2) == wanted
            or kind == "name" and word == wanted
        line = found and lines_before(text, at)
        return line
    end)
    return line
end

return lua_source
