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
#include <exception>
#include <fstream>
#include <iostream>
#include <new>
#include <sstream>
#include <string>

#include <unistd.h>

namespace room
{

namespace log4 = dcmtk::log4cplus;

constexpr int EXIT_NOT_STARTED = 81; /* as main.c has it */

namespace
{
/* Destructors of oflog's appenders allocate and, where they cannot, throw, which ends the process.
 * While the log is set up or changed, before anything is retrieved, that end shall be a clean one.
 */
class Ending
{
  public:
    Ending() : before_(std::set_terminate(end))
    {
    }
    ~Ending()
    {
        std::set_terminate(before_);
    }
    Ending(const Ending &) = delete;
    Ending &operator=(const Ending &) = delete;

  private:
    [[noreturn]] static void end()
    {
        static const char text[] = "F: out of memory\n";
        ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
        (void)written;
        _exit(EXIT_NOT_STARTED);
    }
    std::terminate_handler before_;
};
} // namespace

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

namespace
{
/* What oflog says about a configuration file goes to standard error only; here it is caught. */
class Complaints
{
  public:
    Complaints() : before_(std::cerr.rdbuf(text_.rdbuf()))
    {
    }
    ~Complaints()
    {
        std::cerr.rdbuf(before_);
    }
    Complaints(const Complaints &) = delete;
    Complaints &operator=(const Complaints &) = delete;
    /* The first error among them, without oflog's own words before it; warnings are none. */
    std::string first_error() const
    {
        static const std::string start = "log4cplus:ERROR ";
        std::string all = text_.str();
        size_t at = all.find(start);
        if (at == std::string::npos)
            return {};
        at += start.size();
        return all.substr(at, all.find('\n', at) - at);
    }

  private:
    std::ostringstream text_;
    std::streambuf *before_;
};
} // namespace

/* The variables that DCMTK's tools offer in a configuration file, beside the environment's. */
static void add_variables(log4::helpers::Properties &properties)
{
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    properties.setProperty("appname", "getscu");
    properties.setProperty("hostname", host);
    properties.setProperty("pid", std::to_string(getpid()).c_str());
}

/* What is wrong with the file; empty: nothing, and it is in force. */
static std::string apply(log4::helpers::Properties &properties)
{
    add_variables(properties);
    Complaints complaints;
    log4::Logger::getDefaultHierarchy().resetConfiguration();
    log4::PropertyConfigurator(properties, log4::Logger::getDefaultHierarchy(),
                               log4::PropertyConfigurator::fShadowEnvironment)
        .configure();
    if (log4::Logger::getRoot().getLogLevel() == log4::NOT_SET_LOG_LEVEL)
        return "log4cplus.rootLogger does not begin with a level";
    return complaints.first_error();
}

static bool configure(const char *path, gs_error *error)
{
    errno = 0;
    std::ifstream stream(path);
    if (!stream || stream.peek() == std::ifstream::traits_type::eof()) {
        if (errno != 0)
            gs_error_system(error, "log-config", errno, "cannot read %s", path);
        else
            gs_error_set(error, "log-config", "%s is empty", path);
        return false;
    }
    log4::helpers::Properties properties(stream);
    if (!properties.exists("log4cplus.rootLogger")) {
        gs_error_set(error, "log-config", "%s: log4cplus.rootLogger is missing", path);
        return false;
    }
    std::string wrong = apply(properties);
    if (wrong.empty())
        return true;
    gs_error_set(error, "log-config", "%s: %s", path, escaped(wrong).c_str());
    start(log4::WARN_LOG_LEVEL);
    return false;
}

static log4::Logger &logger()
{
    static log4::Logger own = log4::Logger::getInstance("dcmtk.apps.getscu");
    return own;
}

} // namespace room

using namespace room;

int gs_log_start(gs_log_level level, gs_error *error)
{
    Ending ending;
    try {
        start(LEVELS[level].level);
        return 0;
    } catch (...) {
        return gs_error_set(error, "memory", "out of memory");
    }
}

int gs_log_config(const char *path, gs_error *error)
{
    Ending ending;
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
