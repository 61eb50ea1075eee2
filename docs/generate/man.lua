--- man: the manual as a page for man(1), from the subset of Markdown that docs/manual.md is in.
--
-- Headings, paragraphs, lists with "- ", indented code, tables of two columns, and in a line
-- `code`, *emphasis*, **strong** and [links](to).

local options = require "getscu.options"

local man = {}

local words = {
    en = { name = "NAME", manual = "User Commands" },
    ja = { name = "名前", manual = "ユーザコマンド" },
}

local function escaped(text)
    return (text:gsub("\\", "\\e"):gsub("%-", "\\-"))
end

-- The same for what somebody may copy: no sign becomes a finer one.
local function literal(text)
    local signs = { ["'"] = "\\(aq", ["`"] = "\\(ga", ["^"] = "\\(ha", ["~"] = "\\(ti" }
    return (escaped(text):gsub("['`^~]", signs))
end

-- The text of a line, with its marks as fonts.
local function inline(text)
    local kept = {}
    local function keep(roff)
        kept[#kept + 1] = roff
        return ("\1%d\2"):format(#kept)
    end
    text = text:gsub("`([^`]+)`", function(code)
        return keep("\\fB" .. literal((code:gsub("\\|", "|"))) .. "\\fP")
    end)
    text = text:gsub("%[([^%]]+)%]%([^)]*%)", "%1")
    text = escaped(text)
    text = text:gsub("%*%*(.-)%*%*", "\\fB%1\\fP"):gsub("%*(.-)%*", "\\fI%1\\fP")
    text = text:gsub("\1(%d+)\2", function(i) return kept[tonumber(i)] end)
    return (text:gsub("^([.'])", "\\&%1"))
end

-- The cells of a table's row; a bar after a backslash divides nothing.
local function cells_of(line)
    local cells = {}
    for cell in line:gsub("\\|", "\1"):gmatch("|%s*([^|]*)") do
        cells[#cells + 1] = (cell:gsub("\1", "\\|"):gsub("%s+$", ""))
    end
    return cells
end

-- What a line is, and its content.
local function kind_of(line)
    if line:find("^%s*$") then return "blank" end
    if line:find("^<!%-%-") then return "comment" end
    if line:find("^# ") then return "title" end
    if line:find("^## ") then return "section", line:match("^## (.*)") end
    if line:find("^### ") then return "subsection", line:match("^### (.*)") end
    if line:find("^|%-%-%-") then return "rule" end
    if line:find("^|") then return "row", line end
    if line:find("^%- ") then return "item", line:match("^%- (.*)") end
    if line:find("^    ") then return "code", line:sub(5) end
    return "text", line:match("^%s*(.*)")
end

-- Writers of lines by their kind: function(state, content). The state has `out`, the lines of the
-- page, and `mode`, the kind of the line before.
local writers = {}

local function put(state, text)
    table.insert(state.out, text)
end

local function leave_code(state)
    if state.mode == "code" then put(state, ".EE") end
end

function writers.section(state, content)
    put(state, '.SH "' .. inline(content:upper()) .. '"')
end

function writers.subsection(state, content)
    put(state, '.SS "' .. inline(content) .. '"')
end

-- The first row of a table is its heading; it has a rule below it.
function writers.row(state, content)
    state.row = content
end

function writers.item(state, content)
    put(state, ".IP \\(bu 2")
    put(state, inline(content))
end

function writers.code(state, content)
    if state.mode ~= "code" then put(state, ".PP\n.EX") end
    put(state, (literal(content):gsub("^%.", "\\&.")))
end

-- What a paragraph's first line comes after; after other lines it goes on.
local before_paragraph = { blank = true, row = true, code = true, comment = true }

function writers.text(state, content)
    local last = state.out[#state.out]
    if before_paragraph[state.mode] then
        put(state, ".PP")
        put(state, inline(content))
    elseif last:find("[\x80-\xFF]$") or content:find("^[\x80-\xFF]") then
        state.out[#state.out] = last .. inline(content) -- Japanese has no blanks between words
    else
        put(state, inline(content))
    end
end

local function write_row(state, line)
    local cells = cells_of(line)
    put(state, ".TP")
    put(state, inline(cells[1]))
    put(state, inline(cells[2]))
end

local function convert(text)
    local state, in_table = { out = {}, mode = "blank" }, false
    for line in text:gmatch("([^\n]*)\n") do
        local kind, content = kind_of(line)
        if kind ~= "code" then leave_code(state) end
        if kind == "rule" then
            in_table = true
        elseif kind == "row" and in_table then
            write_row(state, content)
        elseif writers[kind] and kind ~= "row" then
            writers[kind](state, content)
        end
        if kind ~= "row" and kind ~= "rule" then in_table = false end
        state.mode = kind
    end
    leave_code(state)
    return table.concat(state.out, "\n") .. "\n"
end

--- The page.
-- @param text the manual, Markdown, filled
-- @param language "en" or "ja"
-- @return string, roff
function man.page(text, language)
    local its = words[language]
    return table.concat {
        '.\\" made by docs/generate.lua from the manual\n',
        '.TH GETSCU 1 "" "getscu" "', its.manual, '"\n',
        '.SH "', its.name, '"\n',
        options.program, " \\- ", escaped(options.summary[language]), "\n",
        ".ad l\n",
        convert(text:match("\n(## .*)")), -- what stands above is for readers of the file
    }
end

return man
