--- columns: text on a terminal, where a Japanese character is two columns wide and a line may end
-- after any of them.

local columns = {}

-- Ranges of wide characters (UAX #11, W and F), as far as our texts need them.
local WIDE = { { 0x1100, 0x115F }, { 0x2E80, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF },
    { 0xFE30, 0xFE6F }, { 0xFF01, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x3FFFD } }

local NOT_FIRST = "、。,.)」』:;!?ー・々" -- never begin a line
local NOT_LAST = "(「『" -- never end one

local function is_wide(point)
    for _, range in ipairs(WIDE) do
        if point >= range[1] and point <= range[2] then return true end
    end
    return false
end

--- How many columns a text (UTF-8) takes.
function columns.width(text)
    local width = 0
    for _, point in utf8.codes(text) do width = width + (is_wide(point) and 2 or 1) end
    return width
end

-- The text in pieces that stay whole: {text=, gap=}, where `gap` is " " after a blank, else "".
local function pieces_of(text)
    local pieces, gap, glued = {}, "", false
    for _, point in utf8.codes(text) do
        local char, wide = utf8.char(point), is_wide(point)
        local last = pieces[#pieces]
        if char:find("%s") then
            gap, glued = " ", false
        elseif last and gap == "" and (glued or wide and NOT_FIRST:find(char, 1, true)
            or not wide and not last.wide) then
            last.text, last.wide = last.text .. char, wide
            glued = wide and NOT_LAST:find(char, 1, true) ~= nil
        else
            pieces[#pieces + 1] = { text = char, gap = gap, wide = wide }
            gap, glued = "", wide and NOT_LAST:find(char, 1, true) ~= nil
        end
    end
    return pieces
end

--- Lines of at most `width` columns, broken at blanks and between wide characters; what has neither
-- is not broken.
-- @return list of strings
function columns.wrap(text, width)
    local lines, line = {}, nil
    for _, piece in ipairs(pieces_of(text)) do
        local longer = line and line .. piece.gap .. piece.text
        if longer and columns.width(longer) <= width then
            line = longer
        else
            lines[#lines + 1] = line
            line = piece.text
        end
    end
    lines[#lines + 1] = line
    return lines
end

--- The text with blanks after it, up to a column.
function columns.pad(text, column)
    return text .. (" "):rep(column - columns.width(text))
end

return columns
