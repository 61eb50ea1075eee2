--- imaging: pixel data in other transfer syntaxes, as numbers, and as pictures.
--
--     local imaging = require("getscu").imaging
--     assert(imaging.render("ct.dcm", { width = 128, height = 128, target = "ct.png" }))
--     assert(imaging.transcode("ct.dcm", "small.dcm", "1.2.840.10008.1.2.4.80"))
--     local bytes, frame = assert(imaging.decode("ct.dcm", 1))
--
-- A source is the path of a DICOM file or a data set, which is looked at as it would be written
-- now. The codecs are a part of the core of its own, getscu/imaging_core.so, which is loaded when
-- it is first needed. It works in child processes: pixel data that make DCMTK crash, or loop, are
-- an error like any other.

local core = require "getscu.core"
local dataset = require "getscu.dataset"
local errors = require "getscu.errors"
local syntaxes = require "getscu.syntaxes"

local imaging = {}

local MODULE = "getscu.imaging_core"

-- What cannot be loaded is looked for again the next time.
local function load_core()
    local found, loaded = pcall(require, MODULE)
    if found and loaded.version == core.version then return loaded end
    local path = package.searchpath(MODULE, package.cpath)
    local message
    if found then
        message = ("%s is of version %s, and this is %s: install both from one build"):format(
            path or MODULE, loaded.version, core.version)
    elseif path then
        message = ("%s cannot be loaded: %s"):format(path, (tostring(loaded):gsub("\n.*", "")))
    else
        message = "there is no getscu/imaging_core.so in package.cpath: `make module` builds it, "
            .. "`make install` installs it"
    end
    return nil, errors.new { code = "imaging-missing", message = message }
end

-- Levels of `error`, as in getscu.dataset: who called a function of this module gets the blame.
local USER = 2

local function check_number(value, what, least, most, level)
    if type(value) ~= "number" or not (value >= least and value <= most) then
        error(("%s must be a number from %s to %s"):format(what, least, most), level + 1)
    end
    return value
end

local function check_integer(value, what, least, most, level)
    local integer = math.tointeger(value)
    if not integer or integer < least or integer > most then
        error(("%s must be an integer from %d to %d"):format(what, least, most), level + 1)
    end
    return integer
end

local function check_text(value, what, level)
    if type(value) ~= "string" or value == "" then
        error(what .. " must be a string", level + 1)
    end
end

-- A source as the core takes it: two copies of src/dcmtk never share a data set, they share its
-- bytes, so that neither need know how the other was built.
local function source_of(source, level)
    if type(source) == "string" then return source end
    if not dataset.is(source) then
        error(("a source is a path or a data set, not a %s"):format(type(source)), level + 1)
    end
    local syntax = source:meta().transfer_syntax
    if not syntax or syntax == syntaxes.DEFLATED then syntax = syntaxes.EXPLICIT_LITTLE end
    local bytes, err = source:encode(syntax)
    if not bytes then return nil, err end
    return { bytes = bytes, transfer_syntax = syntax }
end

-- Calls a function of the core with a source, and what else it takes.
local function call(name, source, err, ...)
    if not source then return nil, err end
    local codecs
    codecs, err = load_core()
    if not codecs then return nil, err end
    return codecs[name](source, ...)
end

--- Whether pixel data can be brought into a transfer syntax and out of it.
-- @return boolean; false, err: there are no codecs at all
function imaging.can(transfer_syntax)
    check_text(transfer_syntax, "a transfer syntax", USER)
    local codecs, err = load_core()
    if not codecs then return false, err end
    return codecs.can(transfer_syntax)
end

--- Writes a DICOM file in another transfer syntax. Pixel data that are in it are not coded anew.
-- What becomes lossy (JPEG that is not lossless, JPEG-LS near-lossless) gets a new SOP Instance
-- UID, Lossy Image Compression with its ratio and method, and Source Image Sequence. Grey scale
-- that is deeper than the 8 bits of JPEG Baseline, or the 12 of Extended, is fitted into them, and
-- Rescale Slope and Intercept say how.
-- @param source path or data set
-- @param target path of the file, which appears whole or not at all
-- @param transfer_syntax UID
-- @param options table or nil: quality (of lossy JPEG, 1 to 100, default 90), near (of JPEG-LS
-- near-lossless: how far a sample may be off, 1 to 255, default 2), predictor (of JPEG lossless
-- other than SV1, 1 to 7, default 1)
-- @return true | nil, err
function imaging.transcode(source, target, transfer_syntax, options)
    options = options or {}
    errors.check_fields(options, { "quality", "near", "predictor" }, "getscu.imaging.transcode")
    check_text(target, "the target", USER)
    check_text(transfer_syntax, "a transfer syntax", USER)
    local coding = {
        quality = check_integer(options.quality or 90, "quality", 1, 100, USER),
        near = check_integer(options.near or 2, "near", 1, 255, USER),
        predictor = check_integer(options.predictor or 1, "predictor", 1, 7, USER),
    }
    local from, err = source_of(source, USER)
    return call("transcode", from, err, target, transfer_syntax, coding)
end

local FRAME_MAX = 0x7fffffff

--- The samples of one frame: pixel by pixel, row by row, words in little endian, compressed or not.
-- Subsampled colours are brought to full size; where Bits Allocated is 1, each pixel is a byte.
-- @param source path or data set
-- @param frame number from 1; nil: 1
-- @return string, table {frames=, rows=, columns=, samples=, bits_allocated=, bits_stored=,
-- high_bit=, signed=, photometric=} that says what is in it | nil, err
function imaging.decode(source, frame)
    frame = check_integer(frame or 1, "a frame", 1, FRAME_MAX, USER)
    local from, err = source_of(source, USER)
    return call("decode", from, err, frame - 1)
end

local VIEW = { "frame", "window", "width", "height", "scale", "target" }
local SIDE_MAX = 65535 -- pixels of a picture in one direction

-- The window as the core takes it: how it is found, its center and its width.
local function window_of(window, level)
    if window == nil then return "header" end
    if window == "auto" then return "auto" end
    if type(window) ~= "table" or #window ~= 2 then
        error([[window must be { center, width } or "auto"]], level + 1)
    end
    return "given", check_number(window[1], "the center of a window", -2 ^ 32, 2 ^ 32, level + 1),
        check_number(window[2], "the width of a window", 1, 2 ^ 32, level + 1)
end

local function view_of(options, level)
    local frame = check_integer(options.frame or 1, "frame", 1, FRAME_MAX, level + 1)
    local view = { frame = frame - 1 }
    view.window, view.center, view.span = window_of(options.window, level + 1)
    if options.scale then
        view.scale = check_number(options.scale, "scale", 2 ^ -16, 2 ^ 16, level + 1)
    end
    for _, side in ipairs { "width", "height" } do
        if options[side] then
            view[side] = check_integer(options[side], side, 1, SIDE_MAX, level + 1)
        end
    end
    return view
end

--- A frame as a PNG, grey or RGB of 8 bits.
-- @param source path or data set
-- @param options table or nil: frame (from 1; default 1); window: `{ center, width }` in units of
-- the modality, "auto" (from the smallest to the largest value), or nil (the first window of the
-- header, else its VOI LUT, else "auto"); width and height: it is made to fit in them, its
-- proportions stay; scale, a factor; target: path of the file that gets it
-- @return PNG as a string, or true where it went to `target` | nil, err
function imaging.render(source, options)
    options = options or {}
    errors.check_fields(options, VIEW, "getscu.imaging.render")
    if options.target ~= nil then check_text(options.target, "target", USER) end
    local view = view_of(options, USER)
    local from, err = source_of(source, USER)
    return call("render", from, err, view, options.target)
end

return imaging
