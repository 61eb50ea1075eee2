require("catalogue").specify(_ENV, "Data sets", require "catalogue.datasets")
