--- item: the actions, on the elements of a data set and of the items in it.
--
-- A walk is made twice: the rehearsal changes nothing and finds what is to be refused, so that a
-- refused object is as it was.

local dictionary = require "getscu.dictionary"
local rules = require "getscu.deidentify.rules"
local values = require "getscu.deidentify.values"

local item = {}

local Work = { __index = {}, __name = "getscu.deidentify.work" }

local KEEP, REMOVE = { name = "keep" }, { name = "remove" }

-- What becomes of an element in a sequence whose content is replaced, where the profile says
-- nothing of the attribute itself. Others are kept: numbers, codes, structure.
local IN_DUMMIES = { AE = "replace", AS = "replace", DA = "replace", DT = "replace", LO = "replace",
    LT = "replace", PN = "replace", SH = "replace", ST = "replace", TM = "replace", UC = "replace",
    UR = "replace", UT = "replace", UI = "uid", SQ = "replace", OB = "empty", OD = "empty",
    OF = "empty", OL = "empty", OV = "empty", OW = "empty", UN = "remove" }
for vr, name in pairs(IN_DUMMIES) do IN_DUMMIES[vr] = { name = name } end

--- The work on one object.
-- @param job secret, days, clean, rules
-- @param patient text that names the patient
function item.new(job, patient)
    return setmetatable({ job = job, rules = job.rules, patient = patient,
        report = { kept = 0, removed = 0, emptied = 0, replaced = 0, uids = 0, moved = 0,
            cleaned = 0 } }, Work)
end

--- The same without changes, only to find what must be refused.
function Work.__index:rehearsal()
    local other = item.new(self.job, self.patient)
    other.only_looks = true
    return other
end

local function name_of(element)
    return ("(%s)%s"):format(element.tag, element.keyword and " " .. element.keyword or "")
end

local Refusal = { __name = "getscu.deidentify.refusal" }

-- Ends the walk: an object that cannot be de-identified.
local function refuse(element, message)
    error(setmetatable({ tag = element.tag, keyword = element.keyword,
        message = ("%s %s"):format(name_of(element), message) }, Refusal), 0)
end

--- Whether an error means that the object is refused: it has `tag`, `keyword` and `message`.
function item.is_refusal(err)
    return getmetatable(err) == Refusal
end

local function checked(element, result, err)
    if result == nil and err then refuse(element, "cannot be changed: " .. err.message) end
    return result
end

local function value_of(handle, element)
    local value, vr = handle:get(element.tag)
    if value == nil and type(vr) == "table" then
        refuse(element, "cannot be read: " .. vr.message)
    end
    return value
end

local function is_empty(element)
    if element.vr ~= "SQ" or element.unknown then return element.length == 0 end
    return element.vm == 0 -- its length is known when it is written
end

-- ---- actions: functions of the work, a handle, an element, the action and whether all text is
-- ---- replaced; each returns the name under which it is counted

local actions = {}

local function set(self, handle, element, value)
    if not self.only_looks then checked(element, handle:set(element.tag, value)) end
end

local function each_item(self, handle, element, dummies)
    if element.unknown then refuse(element, "is a sequence that is written as UN") end
    for i = 0, value_of(handle, element) - 1 do
        local inner, err = handle:item(("%s[%d]"):format(element.tag, i))
        if not inner then refuse(element, "cannot be looked through: " .. err.message) end
        self:item(inner, dummies)
        inner:close()
    end
end

function actions.keep(self, handle, element, _, dummies)
    if element.vr == "SQ" then each_item(self, handle, element, dummies) end
    return "kept"
end

function actions.remove(self, handle, element)
    if not self.only_looks then checked(element, handle:remove(element.tag)) end
    return "removed"
end

function actions.empty(self, handle, element)
    if is_empty(element) then return "kept" end
    set(self, handle, element, "")
    return "emptied"
end

local function otherwise(self, handle, element, action, dummies)
    local name = action.otherwise or "empty"
    return actions[name](self, handle, element, { name = name }, dummies)
end

function actions.replace(self, handle, element, action, dummies)
    if action.value ~= nil then
        set(self, handle, element, action.value)
        return "replaced"
    end
    if is_empty(element) then return "kept" end
    if element.vr == "SQ" then
        each_item(self, handle, element, true)
        return "replaced"
    end
    if element.vr == "UI" then return actions.uid(self, handle, element, action, dummies) end
    local dummy = values.DUMMIES[element.vr]
    local as_bytes = element.unknown and element.vr ~= "DS" and element.vr ~= "IS"
    if dummy == nil or as_bytes and type(dummy) == "number" then
        return actions.empty(self, handle, element)
    end
    set(self, handle, element, dummy)
    return "replaced"
end

-- Sets what a function makes of a text; "kept" where it is the same.
local function change(self, handle, element, name, make)
    local before = value_of(handle, element)
    local after = make(before)
    if after == before then return "kept" end
    set(self, handle, element, after)
    return name
end

function actions.uid(self, handle, element, action, dummies)
    if element.vr == "SQ" then return actions.keep(self, handle, element, action, dummies) end
    if element.vr ~= "UI" then return otherwise(self, handle, element, action, dummies) end
    return change(self, handle, element, "uids", function(text)
        return values.uids(text, self.job.secret)
    end)
end

function actions.date(self, handle, element, action, dummies)
    if element.vr == "TM" then return "kept" end
    if element.vr ~= "DA" and element.vr ~= "DT" then
        return otherwise(self, handle, element, action, dummies)
    end
    self.days = self.days or values.days(self.patient, self.job.secret, self.job.days[1],
        self.job.days[2])
    return change(self, handle, element, "moved", function(text)
        return values.dates(text, self.days)
    end)
end

function actions.hash(self, handle, element, action, dummies)
    if not values.PSEUDONYMS[element.vr] then
        return otherwise(self, handle, element, action, dummies)
    end
    return change(self, handle, element, "replaced", function(text)
        return values.pseudonym(text, self.job.secret)
    end)
end

-- What a script's function makes of a value; nil removes.
local function by_script(self, handle, element, make)
    if self.only_looks then return "cleaned" end -- it is called once
    local before = value_of(handle, element)
    local after = make(before, element)
    if after == nil then return actions.remove(self, handle, element) end
    if after ~= before then set(self, handle, element, after) end
    return "cleaned"
end

function actions.clean(self, handle, element, action, dummies)
    if not values.PSEUDONYMS[element.vr] then
        return otherwise(self, handle, element, action, dummies)
    end
    return by_script(self, handle, element, self.job.clean)
end

function actions.call(self, handle, element, action, dummies)
    if element.vr == "SQ" then return actions.keep(self, handle, element, action, dummies) end
    return by_script(self, handle, element, action.value)
end

function actions.refuse(self, handle, element, action, dummies)
    if is_empty(element) then return "kept" end
    if action.only == nil then refuse(element, "is what the profile refuses") end
    local value = value_of(handle, element)
    if type(value) == "string" then value = value:match "^%s*(.-)[%s%z]*$" end
    if value == action.only then refuse(element, ("is '%s'"):format(action.only)) end
    return actions.keep(self, handle, element, action, dummies)
end

-- ---- the walk ----

-- The action of an element of the standard.
local function action_of(self, element, dummies)
    if not dummies then return self.rules:of(element) end
    local explicit = self.rules:explicit(element.tag)
    if explicit and explicit.name ~= "keep" then return explicit end
    if explicit and element.vr == "UI" then return explicit end
    return not element.keyword and REMOVE or IN_DUMMIES[element.vr] or KEEP
end

-- What is written with VR UN has the VR that the dictionary knows; its value is bytes.
local function with_vr(element)
    if element.vr ~= "UN" or not element.keyword then return element end
    element.vr = dictionary.vr(element.tag) or "UN"
    element.unknown = element.vr ~= "UN"
    return element
end

--- De-identifies the elements of a data set or item.
-- @param handle of the core
-- @param dummies whether all text in it is replaced
function Work.__index:item(handle, dummies)
    local elements = assert(handle:elements())
    local private
    for _, element in ipairs(elements) do
        local action
        if rules.is_private(element.tag) then
            private = private or self.rules:of_private(handle, elements)
            action = dummies and REMOVE or private[element.tag]
        elseif element.tag:find(",0000$") then
            action = KEEP -- a group length
        else
            action = action_of(self, with_vr(element), dummies)
        end
        local counted = actions[action.name](self, handle, element, action, dummies)
        self.report[counted] = self.report[counted] + 1
    end
end

return item
