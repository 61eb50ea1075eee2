require("catalogue").specify(_ENV, "PDUs and PDVs", require "catalogue.pdus")
