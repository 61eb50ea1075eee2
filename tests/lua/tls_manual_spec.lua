-- The manual's test of a secure connection is what happens when its commands are typed.

local secured = require "secured"
local support = require "support"

-- The commands of the chapter that begins with a heading, one text for each block.
local function commands(path, heading)
    local text = support.read(path):match("\n## " .. heading .. "\n(.-)\n## ")
    local blocks, open = {}, false
    for line in text:gmatch "([^\n]*)\n" do
        local code = line:match "^    (.*)"
        if code and open then
            blocks[#blocks] = blocks[#blocks] .. code .. "\n"
        elseif code then
            blocks[#blocks + 1] = code .. "\n"
        end
        open = code ~= nil
    end
    return blocks
end

describe("the manual's chapter of secure connections", function()
    local box
    setup(function() box = support.box() end)
    teardown(function() box:close() end)

    local english = commands("docs/manual.md", "Secure connections")

    it("has the same commands in both languages", function()
        assert.same(english, commands("docs/ja/manual.md", "安全な接続%(TLS%)"))
    end)

    it("has commands that do what it says", function()
        local directory = box:directory "typed"
        local images, study = box:images(2, 3000)
        local qr = box:dcmqrscp(images)
        local function typed(block)
            return box:run { "sh", "-ec", 'cd "$0"\n' .. block, directory }
        end
        local gateway, retrieval
        local revoked = false
        for _, block in ipairs(english) do
            if block:find "^getscu %+tls" or block:find "stunnel" then -- an outline; a gateway
                assert.is_nil(retrieval)
            elseif block:find "^getscu" then
                gateway = secured.gateway(box, qr, { key = directory .. "/server.key",
                    certificate = directory .. "/server.pem" }, { ca = directory .. "/ca.pem" })
                retrieval = block:gsub("^getscu", assert(io.popen "pwd"):read "l" .. "/"
                    .. support.getscu):gsub("=1%.2%.3", "=" .. study):gsub("PACS@localhost:2762",
                    ("-od %s QR@localhost:%d"):format(box:directory "out", gateway.port))
                local result = typed(retrieval)
                assert.equal(0, result.code, result.err)
                assert.matches("2 objects stored", result.err, 1, true)
            else
                local result = typed(block)
                assert.equal(0, result.code, result.err)
                revoked = revoked or block:find "-revoke" ~= nil
            end
        end
        assert.is_true(revoked)
        local result = typed(retrieval)
        assert.equal(70, result.code, result.err)
        assert.matches("certificate revoked", result.err, 1, true)
    end)
end)
