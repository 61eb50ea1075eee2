require("catalogue").specify(_ENV, "Process", require "catalogue.process")
