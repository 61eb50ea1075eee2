--- identity: who asks, as an association tells it (user identity negotiation, PS3.7 D.3.3.7).

local errors = require "getscu.errors"

local identity = {}

local USER, USER_AND_PASSCODE, JSON_WEB_TOKEN = 1, 2, 5 -- types of PS3.7 table D.3-14
local VALUE_MAX = 65535 -- bytes of a field

local function failure(path, what)
    return nil, errors.new { code = "read-failed", path = path,
        message = ("%s: %s"):format(path, what) }
end

-- The content of a file; more than a field holds is of no use.
local function read(path)
    local file, message = io.open(path, "rb")
    if not file then return nil, errors.new { code = "read-failed", path = path,
        message = "cannot read " .. message } end
    local content, problem = file:read(VALUE_MAX + 1)
    file:close()
    if problem then return failure(path, problem) end
    if not content then return failure(path, "the file is empty") end
    if #content > VALUE_MAX then return failure(path, "the file is too large") end
    return content
end

local function read_passcode(path)
    local content, err = read(path)
    if not content then return nil, err end
    local line = content:match "^[^\r\n]*"
    if line == "" then return failure(path, "its first line is empty") end
    return line
end

local function read_token(path)
    local content, err = read(path)
    if not content then return nil, err end
    local token = content:match "^%s*(.-)%s*$"
    if token:find "^[%w_%-]+%.[%w_%-]+%.[%w_%-]*$" then return token end
    return failure(path, "this is no JSON Web Token (three parts in base64url, with dots between)")
end

--- The identity that a command line means.
-- @param settings table: user (name); user_password_file (its first line is the passcode);
--   user_jwt_file; all may be nil
-- @return as getscu.associate takes it | nil: none is wanted | nil, err: a file is of no use
function identity.from(settings)
    local secret, err
    if settings.user_jwt_file then
        secret, err = read_token(settings.user_jwt_file)
        return secret and { type = JSON_WEB_TOKEN, primary = secret }, err
    elseif not settings.user then
        return nil
    elseif not settings.user_password_file then
        return { type = USER, primary = settings.user }
    end
    secret, err = read_passcode(settings.user_password_file)
    return secret and { type = USER_AND_PASSCODE, primary = settings.user, secondary = secret }, err
end

return identity
