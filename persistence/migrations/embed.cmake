# Writes a .cpp that holds the text of every migration: cmake -DOUTPUT=file -P embed.cmake
file(GLOB files ${CMAKE_CURRENT_LIST_DIR}/[0-9][0-9][0-9][0-9]_*.sql)
list(SORT files)
set(rows "")
set(expected 1)
foreach(file ${files})
  get_filename_component(stem ${file} NAME_WE)
  string(SUBSTRING ${stem} 0 4 digits)
  string(SUBSTRING ${stem} 5 -1 name)
  math(EXPR number "1${digits} - 10000")
  if(NOT number EQUAL expected)
    message(FATAL_ERROR "migration ${stem}: number ${expected} is missing")
  endif()
  math(EXPR expected "${expected} + 1")
  file(READ ${file} text)
  string(APPEND rows "    {${number}, \"${name}\", R\"halcyon_sql(${text})halcyon_sql\"},\n")
endforeach()
file(WRITE ${OUTPUT}.new "#include \"persistence/postgres_migrations.h\"

namespace halcyon::persistence {

namespace {
constexpr Migration steps[] = {
${rows}};
}  // namespace

std::span<const Migration> migrations() { return steps; }

}  // namespace halcyon::persistence
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
