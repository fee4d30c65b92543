// What connecting over PVA takes without Python: one pvxs client gets every channel once.
//
// Reads names from a file, one on each line with anything after it. Prints the seconds from making the client to the
// last answer.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <epicsEvent.h>
#include <pvxs/client.h>

int main(int count, char **arguments) {
    if (count < 2) return 2;
    std::vector<std::string> names;
    std::ifstream file(arguments[1]);
    for (std::string line; std::getline(file, line);) {
        std::string name;
        std::istringstream(line) >> name;
        names.push_back(name);
    }
    auto began = std::chrono::steady_clock::now();
    auto client = pvxs::client::Context::fromEnv();
    std::vector<std::shared_ptr<pvxs::client::Operation>> gets;
    size_t waiting = names.size();
    epicsEvent finished;
    for (auto &name : names) {
        gets.push_back(client.get(name)
                           .result([&](pvxs::client::Result &&answer) {  // on the client's one thread
                               answer();
                               if (--waiting == 0) finished.signal();
                           })
                           .exec());
    }
    finished.wait();
    std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    std::fflush(stdout);
    std::_Exit(0);
}
