// Runs a fuzz target once over its committed corpus, for builds without libFuzzer. The directory follows from the
// program's name: dtls_record_corpus reads fuzz/corpus/dtls_record.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int, char** argv) {
  const std::string program = std::filesystem::path(argv[0]).filename();
  const std::filesystem::path corpus = "fuzz/corpus/" + program.substr(0, program.rfind('_'));
  int n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    ++n;
  }
  std::printf("%s: %d inputs\n", corpus.c_str(), n);
  return n == 0;
}
