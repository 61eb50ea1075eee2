rockspec_format = "3.0"
package = "getscu"
version = "0.1.0-1"
source = { url = "git+file://." }
description = {
   summary = "Retrieve DICOM objects with C-GET",
   detailed = "Associations, C-ECHO, C-FIND, C-GET, C-STORE, data sets, pixel data and whole "
      .. "retrievals. The core needs DCMTK, OpenSSL and zlib with their headers; see packages.txt.",
   license = "MIT",
}
dependencies = { "lua ~> 5.4" }
build = {
   type = "make",
   build_target = "module",
   install_target = "install-module",
   install_variables = {
      LUA_LIBDIR = "$(LIBDIR)",
      LUA_SHAREDIR = "$(LUADIR)",
   },
}
