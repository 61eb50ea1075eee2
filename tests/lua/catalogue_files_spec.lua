require("catalogue").specify(_ENV, "Files", require "catalogue.files")
