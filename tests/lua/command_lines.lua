--- command_lines: command lines with options that DCMTK's getscu and ours both have.
--
-- A row is { promise, words, ... }; host and port come after its words, and then its `files`. In
-- words and contents STUDY1, STUDY3, ... stand for UIDs of the archive. Other keys of a row:
--
--   title     the called AE title; default: the server's; false: none is given
--   peer      words in place of host and port; "closed": a port where nobody listens
--   files     names of query files (see query_files)
--   before    names of files that are in the output directory already
--   folder    a directory to be made in the current one, where files are looked for
--   theirs    DCMTK's exit code where it is not ours, which is `ours` then, and `because` of what
--   none      true: DCMTK's brings files here, and ours brings none, which is right
--   alone     true: ours brings files here, and DCMTK's brings none

local lines = {}

--- Query files: content as dump2dcm reads it, and options of dump2dcm.
lines.query_files = {
    study = { "(0008,0052) CS [STUDY]\n(0020,000d) UI [STUDY3]" },
    bare = { "(0008,0052) CS [STUDY]\n(0020,000d) UI [STUDY3]", "-F" },
    patient = { "(0008,0052) CS [PATIENT]\n(0010,0020) LO [PHANTOM-2]" },
    plan = { "(0008,0052) CS [PATIENT]\n(0010,0020) LO [id00001]" },
    big = { "(0008,0052) CS [STUDY]\n(0020,000d) UI [STUDY3]", "+tb" },
    implicit = { "(0008,0052) CS [STUDY]\n(0020,000d) UI [STUDY3]", "+ti" },
}

--- Command files.
lines.command_files = {
    study = "-S -k QueryRetrieveLevel=STUDY\n-k StudyInstanceUID=STUDY3\n",
    quoted = "--study   --key \"QueryRetrieveLevel=STUDY\"\n\n -k 'StudyInstanceUID=STUDY3'\n",
    titles = "-aet \"MY STATION\"\n+B",
}

local STUDY = { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=STUDY3" }
local SERIES = { "-S", "-k", "QueryRetrieveLevel=SERIES", "-k", "StudyInstanceUID=STUDY3", "-k" }
local STATUS = "final statuses that are failures end DCMTK's with 0"
local PARTIAL = "objects that fail end DCMTK's with 0"
local BEGIN = "what fails before the first query ends DCMTK's with 1, and ours by its kind"
local KEY = "DCMTK's leaves out a key that it does not know, and asks for more"

local rows = {}
local function row(promise, words, more)
    more = more or {}
    more.promise, more.words = promise, words
    rows[#rows + 1] = more
end

-- ---- models, levels and keys ----

row("a study by keywords", STUDY)
row("a study by tags", { "-S", "-k", "0008,0052=STUDY", "-k", "0020,000d=STUDY3" })
row("a study by tags in brackets", { "-S", "-k", "(0008,0052)=STUDY", "-k", "(0020,000D)=STUDY3" })
row("a study by long names", { "--study", "--key", "QueryRetrieveLevel=STUDY", "--key",
    "StudyInstanceUID=STUDY3" })
row("a patient in the default model", { "-k", "QueryRetrieveLevel=PATIENT", "-k",
    "PatientID=PHANTOM-2" })
row("a patient of another vendor", { "-P", "-k", "QueryRetrieveLevel=PATIENT", "-k",
    "PatientID=id00001" })
row("a study in the Patient Root", { "--patient", "-k", "QueryRetrieveLevel=STUDY", "-k",
    "PatientID=PHANTOM-3", "-k", "StudyInstanceUID=STUDY3" })
row("a series in the Patient Root", { "-P", "-k", "QueryRetrieveLevel=SERIES", "-k",
    "PatientID=PHANTOM-3", "-k", "StudyInstanceUID=STUDY3", "-k", "SeriesInstanceUID=SERIES3" })
row("an object in the Patient Root", { "-P", "-k", "QueryRetrieveLevel=IMAGE", "-k",
    "PatientID=PHANTOM-3", "-k", "StudyInstanceUID=STUDY3", "-k", "SeriesInstanceUID=SERIES3",
    "-k", "SOPInstanceUID=OBJECT3" })
row("a patient in the Patient/Study Only model", { "-O", "-k", "QueryRetrieveLevel=PATIENT", "-k",
    "PatientID=642341" })
row("a study in the Patient/Study Only model", { "--psonly", "-k", "QueryRetrieveLevel=STUDY",
    "-k", "PatientID=PHANTOM-3", "-k", "StudyInstanceUID=STUDY3" })
row("a series", { SERIES, "SeriesInstanceUID=SERIES3" })
row("an object", { "-S", "-k", "QueryRetrieveLevel=IMAGE", "-k", "StudyInstanceUID=STUDY3", "-k",
    "SeriesInstanceUID=SERIES3", "-k", "SOPInstanceUID=OBJECT3" })
row("a large study", { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=STUDY1" })
row("two studies in one list", { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
    "StudyInstanceUID=STUDY2\\STUDY3" })
row("the rightmost of models", { "-O", "-P", STUDY })
row("the rightmost of keys", { STUDY, "-k", "StudyInstanceUID=STUDYPLAN" })
row("a key without a value", { STUDY, "-k", "PatientName", "-k", "0008,0061=" })
row("a key in a sequence", { STUDY, "-k", "(0008,1110)[0].ReferencedSOPClassUID=1.2.3" })
row("a level in small letters", { "-S", "-k", "QueryRetrieveLevel=study", "-k",
    "StudyInstanceUID=STUDY3" })
row("nothing matches", { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3" })
row("no patient matches", { "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=nobody" })
row("no level", { "-S", "-k", "StudyInstanceUID=STUDY3" },
    { theirs = 0, ours = 69, because = STATUS })
row("a level that there is not", { "-S", "-k", "QueryRetrieveLevel=FRAME", "-k",
    "StudyInstanceUID=STUDY3" }, { theirs = 0, ours = 69, because = STATUS })
row("an unknown keyword", { STUDY, "-k", "NoSuchKeyword=1" },
    { theirs = 0, ours = 1, none = true, because = KEY })
row("a path that is none", { STUDY, "-k", "(0008,1110)[.x=1" },
    { theirs = 0, ours = 1, none = true, because = KEY })
row("an object that no context takes", { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
    "StudyInstanceUID=STUDYJ2K" }, { theirs = 0, ours = 69, because = STATUS })
row("one such object among others", { "-S", "-k", "QueryRetrieveLevel=STUDY", "-k",
    "StudyInstanceUID=STUDY3\\STUDYJ2K" }, { theirs = 0, ours = 68, because = PARTIAL })

-- ---- query files and command files ----

row("a query file", { "-S" }, { files = { "study" } })
row("a query file without meta information", { "-S" }, { files = { "bare" } })
row("a query file in Big Endian", { "-S" }, { files = { "big" } })
row("a query file in Implicit VR", { "-S" }, { files = { "implicit" } })
row("a query file and keys", { "-k", "PatientID=PHANTOM-3" }, { files = { "patient" } })
row("two query files", { "-P" }, { files = { "patient", "plan" }, theirs = 139, ours = 0,
    because = "DCMTK's crashes after several query files" })
row("a query file that is not there", { "-S" }, { files = { "none" }, theirs = 1, ours = 20,
    because = BEGIN })
row("a command file", { "@study" })
row("a command file with quoted words", { "@quoted" })
row("two command files", { "@titles", "@study" })
row("a command file that is not there", { STUDY, "@/none/such" })

-- ---- titles, time, PDUs ----

row("a calling title", { STUDY, "-aet", "SOMEBODY" })
row("a calling title by its long name", { STUDY, "--aetitle", "MY STATION" })
row("a called title that the server has not", STUDY, { title = "NOBODY", theirs = 1, ours = 61,
    because = BEGIN })
row("no called title", STUDY, { title = false, theirs = 1, ours = 61, because = BEGIN })
row("nobody listens", STUDY, { peer = "closed", theirs = 1, ours = 60, because = BEGIN })
row("time limits", { STUDY, "-to", "10", "-ta", "10", "-td", "10" })
row("time limits by their long names", { STUDY, "--timeout", "5", "--acse-timeout", "5",
    "--dimse-timeout", "5" })
row("small PDUs", { "-pdu", "4096", STUDY })
row("large PDUs", { "--max-pdu", "131072", STUDY })
row("PDUs that are too small", { "-pdu", "4095", STUDY })
row("PDUs that are too large", { "-pdu", "131073", STUDY })
row("an end by an abort", { "--abort", STUDY })
row("twice", { "--repeat", "2", STUDY })
row("twice and keeping nothing", { "--repeat", "2", "--ignore", STUDY })
row("no times", { "--repeat", "0", STUDY })

-- ---- output ----

row("bit preserving", { "+B", STUDY })
row("bit preserving, a large study", { "--bit-preserving", "-S", "-k", "QueryRetrieveLevel=STUDY",
    "-k", "StudyInstanceUID=STUDY1" })
row("bit preserving, another vendor", { "+B", "-P", "-k", "QueryRetrieveLevel=PATIENT", "-k",
    "PatientID=id00001" })
row("bit preserving, a waveform", { "+B", "-P", "-k", "QueryRetrieveLevel=PATIENT", "-k",
    "PatientID=642341" })
row("normal, by its name", { "-B", STUDY })
row("the rightmost storage mode", { "+B", "--normal", STUDY }, { theirs = 1, ours = 0,
    alone = true, because = "the manual says that the rightmost counts, DCMTK's refuses -B" })
row("the rightmost storage mode, again", { "-B", "+B", STUDY })
row("keeping nothing", { "--ignore", STUDY })
row("an output directory", { "-od", "here", STUDY }, { folder = "here" })
row("an output directory by its long name", { STUDY, "--output-directory", "./here/", "+B" },
    { folder = "here" })
row("an output directory that is not there", { "-od", "there", STUDY }, { theirs = 1, ours = 45,
    because = BEGIN })
row("a file that is there already", STUDY, { before = { "SRt.OBJECT3" } })
row("options behind the query", { STUDY, "+B", "-v", "-aet", "X" })

-- ---- the log ----

row("quiet", { "-q", STUDY })
row("verbose", { "-v", STUDY })
row("verbose, bit preserving", { "--verbose", "+B", STUDY })
row("verbose, with contexts", { "-v", "+v", STUDY })
row("debug", { "-d", STUDY })
for _, level in ipairs { "fatal", "error", "warn", "info", "debug", "trace" } do
    row("log level " .. level, { "-ll", level, STUDY })
end
row("a log level that there is not", { "--log-level", "loud", STUDY })
row("the command line shown", { "--arguments", STUDY })

-- ---- command lines that are wrong, or ask for nothing ----

row("help", { "--help" })
row("version", { "--version" })
row("an unknown option", { "--no-such-option", STUDY })
row("no value for an option", { STUDY, "-aet" }, { peer = {} })
row("no port", STUDY, { peer = { "127.0.0.1" } })
row("no query", {})
row("a port that is none", STUDY, { peer = { "127.0.0.1", "none" } })
row("conflicting options", { "--ignore", "+B", STUDY })
row("conflicting options, again", { "--ignore", "-od", ".", STUDY })
row("a time limit that is no number", { STUDY, "-ta", "soon" })

-- ---- transfer syntaxes ----

for name in ([[+x= +xe +xb +xs +xy +xx +xv +xw +xt +xu +xm +xh +xn +xl +x2 +x3 +xo +x4 +x5 +xr +xd
    -x= -xe -xb -xd -xi]]):gmatch "%S+" do
    row("transfer syntaxes by " .. name, { "+B", name, STUDY })
end
row("transfer syntaxes by +xi", { "+xi", STUDY })
row("the rightmost of transfer syntaxes", { "+B", "+xs", "+xb", "-xi", "-xb", STUDY })

lines.rows = rows

return lines
