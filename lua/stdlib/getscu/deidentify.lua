--- deidentify: objects without what tells whose they are, by a table of attributes and actions.
--
--     local job = deidentify.new { profile = deidentify.basic { retain_dates = "shifted" },
--         secret = "known to nobody else" }
--     local report, err = job:apply(dataset)
--
-- A profile is a table. Its keys are attributes (keyword or tag), patterns of tags ("50xx,xxxx"),
-- private attributes ("0019,xx23,GEMS_ACQU_01"), VRs ("PN"), `private` (private elements),
-- `unknown` (what the dictionary does not know) and `default`; the more precise one counts. Its
-- values are actions:
--
--   "keep"      as it is; the items of a sequence are looked at
--   "remove"    away with it
--   "empty"     zero length, or no items
--   "replace"   a dummy of its VR; in a sequence dummies for all text. { replace = value }: that
--   "uid"       another UID, the same for the same one as long as the secret is; those that the
--               standard gives stay. In a sequence it is "keep"
--   "date"      DA and DT some days earlier, as many for everything of a patient; TM stays
--   "hash"      a text of 16 digits, the same for the same text
--   "clean"     what the job's function `clean(text, element)` makes of it; nil removes
--   "refuse"    the object is refused if it has it, and something in it. { refuse = "YES" }: if it
--               has this value
--   a function  value = f(value, element): nil removes
--
-- { "date", otherwise = "remove" } says what to do where the VR does not fit; else that is "empty".
-- `set` in a profile is a table of what every object has in the end.
--
-- All elements are seen: nested ones, private ones, what stands after Pixel Data. Zero length stays
-- zero length. Pixel Data stay as they are.

local basic = require "getscu.deidentify.basic"
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local rules = require "getscu.deidentify.rules"
local item = require "getscu.deidentify.item"

local deidentify = {}

local OPTIONS = { "profile", "secret", "days", "clean" }
local SECRET_BYTES = 32 -- of one that is drawn
local DAYS = { 1, 3650 } -- by how many days dates become earlier, at least and at most
local BEHIND_ALL = "FFFC,FFFC" -- the last tag that a data set can have

local Job = { __index = {}, __name = "getscu.deidentify.job" }

--- The Basic Application Level Confidentiality Profile (PS3.15 annex E) as a profile that may be
-- changed: see getscu.deidentify.basic.
deidentify.basic = basic.profile

local function draw_secret()
    local file <close> = assert(io.open("/dev/urandom", "rb"))
    return assert(file:read(SECRET_BYTES))
end

local function check_days(days)
    if days == nil then return DAYS end
    local least, most = days, days
    if type(days) == "table" then least, most = days[1], days[2] end
    if math.type(least) ~= "integer" or math.type(most) ~= "integer" or least > most then
        error("days is a whole number, or { least, most }", 3)
    end
    return { least, most }
end

--- Something that de-identifies objects which belong together.
-- @param options table: profile; secret (string: whoever knows it can tell which original a UID
--   or pseudonym is from; without one there is one for this job alone); days (by how many days
--   "date" moves dates back: a number, or { least, most }, of which each patient has one, default
--   { 1, 3650 }); clean (function(text, element) -> text or nil, for the action "clean")
-- @return job; raises where the profile is wrong
function deidentify.new(options)
    errors.check_fields(options, OPTIONS, "deidentify.new")
    if type(options.profile) ~= "table" then
        error("a profile is wanted, as deidentify.basic() gives it", 2)
    end
    local compiled, found = pcall(rules.compile, options.profile)
    if not compiled then error(found, 2) end
    if found:has "clean" and type(options.clean) ~= "function" then
        error("the profile has the action 'clean', which needs a function 'clean'", 2)
    end
    local secret = options.secret or draw_secret()
    if type(secret) ~= "string" or secret == "" then error("a secret is a text", 2) end
    return setmetatable({ rules = found, set = options.profile.set or {}, secret = secret,
        days = check_days(options.days), clean = options.clean }, Job)
end

local function refused(why)
    return nil, errors.new { code = "deidentify-refused", tag = why.tag, keyword = why.keyword,
        message = "the object cannot be de-identified: " .. why.message }
end

-- What names the patient of an object.
local function patient_of(handle)
    for _, tag in ipairs { "0010,0020", "0010,0010", "0020,000d" } do
        local value = handle:get(tag)
        value = type(value) == "string" and value:match "^%s*(.-)[%s%z]*$" or ""
        if value ~= "" then return value end
    end
    return ""
end

-- Runs the walk; what it raises as a table is why it ended.
local function walk(work, handle)
    local done, why = pcall(work.item, work, handle, false)
    if done then return true end
    if not item.is_refusal(why) then error(why, 0) end -- of a script's function
    return false, why
end

--- De-identifies an object, in place.
-- @param object data set, whole: what is not there cannot be judged
-- @return report: how many elements were `kept`, `removed`, `emptied`, `replaced`, `moved` (dates),
--   `cleaned`, and `uids` that were replaced | nil, err: "deidentify-refused" with `tag` and
--   `keyword`; then the object must not be used
function Job.__index:apply(object)
    if not dataset.is(object) then error("a data set is wanted", 2) end
    local handle = dataset.core_of(object)
    local whole, err = handle:has(BEHIND_ALL)
    if whole == nil then return refused { message = err.message } end
    local work = item.new(self, patient_of(handle))
    local done, why = walk(work:rehearsal(), handle)
    if done then done, why = walk(work, handle) end
    if not done then return refused(why) end
    for key, value in pairs(self.set) do object:set(key, value) end
    return work.report
end

return deidentify
