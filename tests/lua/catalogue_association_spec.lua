require("catalogue").specify(_ENV, "Association", require "catalogue.association")
