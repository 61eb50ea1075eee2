require("catalogue").specify(_ENV, "Commands and statuses", require "catalogue.commands")
