--- options.output: the manual's last section.

local DIRECTORY = { { name = "directory", type = "directory" } }

return { name = "output", en = "output options", ja = "出力",
    { name = "general", en = "general", ja = "全般",
        { "-od", "--output-directory", field = "directory", arguments = DIRECTORY,
            default = ".", ready = true,
            en = "where objects go; it must exist",
            ja = "オブジェクトの置き場所。あらかじめ必要" },
    },
    { name = "storage mode", en = "storage mode", ja = "保存方法",
        { "-B", "--normal", field = "storage", value = "normal", default = true, ready = true,
            en = "hold an object in memory, up to a limit, then write its file",
            ja = "上限まではメモリに置き、届いてからファイルにする" },
        { "+B", "--bit-preserving", field = "storage", value = "bit-preserving", ready = true,
            en = "write an object to its file as it arrives",
            ja = "届くそばからファイルに書く" },
        { false, "--ignore", field = "ignore", value = true, ready = true,
            conflicts = { "--output-directory", "--normal", "--bit-preserving" },
            en = "receive objects and keep none", ja = "受け取るだけで残さない" },
    },
}
