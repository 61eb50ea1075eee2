require("catalogue").specify(_ENV, "TCP", require "catalogue.tcp")
