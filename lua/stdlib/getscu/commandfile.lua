--- commandfile: the words of a command file, which stands as @FILE in a command line.
--
-- Blanks and line ends, one or more, separate words. What stands between "..." or '...' belongs to
-- one word, whatever is in it but the same quote. A command file names no other command file; a
-- quoted word that begins with @ is that word.

local commandfile = {}

local MAX = 1 << 20 -- bytes; nobody writes a longer command line

local function line_of(text, at)
    local _, ends = text:sub(1, at - 1):gsub("\n", "")
    return ends + 1
end

-- The word that begins at `at`, and where it ends; or nil, what is wrong.
local function word_from(text, at)
    local parts, start = {}, at
    while at <= #text and not text:find("^%s", at) do
        local quote = text:match("^[\"']", at)
        local stop
        if quote then
            stop = text:find(quote, at + 1, true)
            if not stop then
                return nil, ("line %d: %s is not closed"):format(line_of(text, at), quote)
            end
            parts[#parts + 1] = text:sub(at + 1, stop - 1)
        else
            stop = text:match("^[^%s\"']+()", at) - 1
            parts[#parts + 1] = text:sub(at, stop)
        end
        at = stop + 1
    end
    if text:find("^@[^%s]", start) then
        return nil, ("line %d: a command file cannot name another"):format(line_of(text, start))
    end
    return table.concat(parts), at
end

--- The words of a text.
-- @return list of strings | nil, what is wrong
function commandfile.words(text)
    local words, at = {}, text:match("^\xEF\xBB\xBF()") or 1
    while true do
        at = text:find("%S", at)
        if not at then return words end
        local word, after = word_from(text, at)
        if not word then return nil, after end
        words[#words + 1], at = word, after
    end
end

--- The words of a file.
-- @return list of strings | nil, what is wrong
function commandfile.read(path)
    local file, message = io.open(path, "rb")
    if not file then return nil, (message:gsub("^.*: ", "")) end
    local text, problem = file:read(MAX + 1)
    file:close()
    if problem then return nil, problem end
    if text and #text > MAX then return nil, "it is longer than a command line" end
    return commandfile.words(text or "")
end

return commandfile
