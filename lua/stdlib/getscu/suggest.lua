--- suggest: the known name that a misspelt one was meant to be.
--
-- Used wherever a name is unknown: options, keys, fields, hooks.

local suggest = {}

local LONGEST_WORD = 64 -- code points; no name of ours is longer
local SHORTEST_PREFIX = 3 -- code points that must be there to take a word for a beginning

-- How many edits a word of this many code points may be away from what was meant. Of very short
-- words only the case may differ: everything is one edit away from them.
local function tolerance(length)
    if length <= 2 then return 0 end
    return math.min((length + 1) // 3, 4)
end

-- The code points of a word, or its bytes where it is not UTF-8; A to Z as small letters.
local function letters_of(word)
    local letters = utf8.len(word, 1, -1, true) and { utf8.codepoint(word, 1, -1, true) }
        or { word:byte(1, -1) }
    for i, letter in ipairs(letters) do
        if letter >= 65 and letter <= 90 then letters[i] = letter + 32 end
    end
    return letters
end

-- Damerau-Levenshtein distance (adjacent transpositions count once); nil where it is above `most`.
local function distance(a, b, most)
    if math.abs(#a - #b) > most then return nil end
    local before, above = nil, {}
    for j = 0, #b do above[j] = j end
    for i = 1, #a do
        local row = { [0] = i }
        local least = i
        for j = 1, #b do
            local cost = a[i] == b[j] and 0 or 1
            local edits = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost)
            if before and j > 1 and a[i] == b[j - 1] and a[i - 1] == b[j] then
                edits = math.min(edits, before[j - 2] + 1)
            end
            row[j] = edits
            least = math.min(least, edits)
        end
        if least > most then return nil end
        before, above = above, row
    end
    return above[#b] <= most and above[#b] or nil
end

local function begins_with(letters, prefix)
    for i, letter in ipairs(prefix) do
        if letters[i] ~= letter then return false end
    end
    return true
end

--- The name in `list` that is nearest to `word`, or nil when none is near.
-- A name that the word is the beginning of counts as near, however long it is. Of names that are
-- equally near the first one is taken. Case does not count.
-- @param word string
-- @param list array of strings
-- @return string or nil
function suggest.nearest(word, list)
    if #word > LONGEST_WORD * 4 then return nil end
    local letters = letters_of(word)
    local most = tolerance(#letters)
    local nearest, continuation
    for _, name in ipairs(list) do
        local candidate = letters_of(name)
        local edits = distance(letters, candidate, most)
        if edits then
            nearest, most = name, edits - 1
            if edits == 0 then return name end
        elseif not continuation and #letters >= SHORTEST_PREFIX
            and begins_with(candidate, letters) then
            continuation = name
        end
    end
    return nearest or continuation
end

--- The same as the end of a message: " (did you mean 'name'?)", or "" when no name is near.
-- @param word string
-- @param list array of strings
-- @return string
function suggest.hint(word, list)
    local name = suggest.nearest(word, list)
    return name and (" (did you mean '%s'?)"):format(name) or ""
end

return suggest
