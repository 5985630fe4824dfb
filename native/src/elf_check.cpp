#include "elf_check.h"

#include <elf.h>

#include <bit>
#include <cstring>
#include <string_view>

namespace bpflow {

namespace {

constexpr uint8_t hostData = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

bool lies(uint64_t offset, uint64_t size, size_t file) {
  return offset <= file && size <= file - offset;
}

Elf64_Shdr sectionHeader(std::span<const uint8_t> file, const Elf64_Ehdr& header, size_t index) {
  Elf64_Shdr section;
  std::memcpy(&section, file.data() + header.e_shoff + index * sizeof(section), sizeof(section));
  return section;
}

/** Whether there is a section `.BTF`. All sections lie in the file. */
bool hasTypes(std::span<const uint8_t> file, const Elf64_Ehdr& header) {
  if (header.e_shstrndx >= header.e_shnum) return false;
  const Elf64_Shdr names = sectionHeader(file, header, header.e_shstrndx);
  if (names.sh_type == SHT_NOBITS) return false;
  const std::string_view text(reinterpret_cast<const char*>(file.data() + names.sh_offset), names.sh_size);
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const uint32_t start = sectionHeader(file, header, i).sh_name;
    if (start < text.size() && text.substr(start, text.find('\0', start) - start) == ".BTF") return true;
  }
  return false;
}

}  // namespace

std::string whyNotBpfElf(std::span<const uint8_t> file) {
  Elf64_Ehdr header;
  if (file.empty()) return "the file is empty";
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return "it is no ELF file";
  if (file.size() < sizeof(header)) return "it is truncated within the ELF header";
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return "it is no 64-bit ELF file";
  if (header.e_ident[EI_DATA] != hostData) return "it was built for the other byte order";
  if (header.e_machine != EM_BPF) {
    return "it was built for another machine (ELF machine " + std::to_string(header.e_machine) + ", BPF is 247)";
  }
  if (header.e_type != ET_REL || header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0) {
    return "it is no relocatable object";
  }
  if (!lies(header.e_shoff, uint64_t{header.e_shnum} * sizeof(Elf64_Shdr), file.size())) {
    return "it is truncated: its section table ends after the file's " + std::to_string(file.size()) + " bytes";
  }
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr section = sectionHeader(file, header, i);
    if (section.sh_type != SHT_NOBITS && !lies(section.sh_offset, section.sh_size, file.size())) {
      return "it is truncated: section " + std::to_string(i) + " ends after the file's " + std::to_string(file.size()) +
             " bytes";
    }
  }
  if (!hasTypes(file, header)) return "it has no BTF; compile it with clang -g";
  return {};
}

}  // namespace bpflow
