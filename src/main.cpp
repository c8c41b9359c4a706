#include "cli/cli.hpp"

int main(int argc, char** argv) { return meshdx::cli::main(argc, argv); }
