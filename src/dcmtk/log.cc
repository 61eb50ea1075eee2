#include "dcmtk/escape.h"

#include "dcmtk/config/osconfig.h"

#include "dcmtk/oflog/configrt.h"
#include "dcmtk/oflog/consap.h"
#include "dcmtk/oflog/hierarchy.h"
#include "dcmtk/oflog/layout.h"
#include "dcmtk/oflog/oflog.h"
#include "dcmtk/oflog/spi/logevent.h"

extern "C" {
#include "dcmtk/log.h"
}

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <new>

namespace room
{

namespace log4 = dcmtk::log4cplus;

/* In the order of enum gs_log_level. */
static const struct {
    const char *name;
    log4::LogLevel level;
} LEVELS[] = {
    {"trace", log4::TRACE_LOG_LEVEL}, {"debug", log4::DEBUG_LOG_LEVEL},
    {"info", log4::INFO_LOG_LEVEL},   {"warn", log4::WARN_LOG_LEVEL},
    {"error", log4::ERROR_LOG_LEVEL}, {"fatal", log4::FATAL_LOG_LEVEL},
    {"off", log4::OFF_LOG_LEVEL},
};

namespace
{
/* DCMTK's messages quote the data that they complain about. */
class SafeLayout : public log4::PatternLayout
{
  public:
    SafeLayout() : log4::PatternLayout("%P: %m%n")
    {
    }
    void formatAndAppend(log4::tostream &output,
                         const log4::spi::InternalLoggingEvent &event) override
    {
        std::string text = escaped({event.getMessage().data(), event.getMessage().size()}, "\n");
        log4::spi::InternalLoggingEvent safe(event.getLoggerName(), event.getLogLevel(),
                                             OFString(text.data(), text.size()),
                                             event.getFile().c_str(), event.getLine());
        log4::PatternLayout::formatAndAppend(output, safe);
    }
};
} // namespace

/* Messages of DCMTK may come at once, so this is done before anything else is. */
static void start(log4::LogLevel level)
{
    log4::SharedAppenderPtr console(new log4::ConsoleAppender(true, true));
    console->setLayout(OFunique_ptr<log4::Layout>(new SafeLayout));
    log4::Logger root = log4::Logger::getRoot();
    root.removeAllAppenders();
    root.addAppender(console);
    root.setLogLevel(level);
}

static bool configure(const char *path, gs_error *error)
{
    errno = 0;
    std::ifstream stream(path);
    if (!stream) {
        gs_error_system(error, "log-config", errno, "%s", path);
        return false;
    }
    log4::helpers::Properties properties(stream);
    if (!properties.exists("log4cplus.rootLogger")) {
        gs_error_set(error, "log-config", "%s: log4cplus.rootLogger is missing", path);
        return false;
    }
    log4::Logger::getDefaultHierarchy().resetConfiguration();
    log4::PropertyConfigurator(properties).configure();
    return true;
}

static log4::Logger &logger()
{
    static log4::Logger own = log4::Logger::getInstance("getscu");
    return own;
}

} // namespace room

using namespace room;

int gs_log_start(gs_log_level level, gs_error *error)
{
    try {
        start(LEVELS[level].level);
        return 0;
    } catch (...) {
        return gs_error_set(error, "memory", "out of memory");
    }
}

int gs_log_config(const char *path, gs_error *error)
{
    try {
        return configure(path, error) ? 0 : -1;
    } catch (...) {
        return gs_error_set(error, "memory", "out of memory");
    }
}

bool gs_log_enabled(gs_log_level level)
{
    try {
        return level < GS_LOG_OFF && logger().isEnabledFor(LEVELS[level].level);
    } catch (...) {
        return false;
    }
}

void gs_log(gs_log_level level, const char *text, size_t size)
{
    if (!gs_log_enabled(level))
        return;
    try {
        std::string safe = escaped({text, size});
        std::cerr.clear(); /* one message that was lost shall not take the next ones with it */
        logger().forcedLog(LEVELS[level].level, OFString(safe.data(), safe.size()));
    } catch (...) {
        /* a message that does not fit into memory is lost */
    }
}

int gs_log_level_named(const char *name)
{
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++)
        if (strcmp(LEVELS[i].name, name) == 0)
            return static_cast<int>(i);
    return -1;
}
