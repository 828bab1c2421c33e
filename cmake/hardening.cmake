# Flags for every target: warnings are errors, and what the compiler and linker can defend is on.
add_compile_options(-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wwrite-strings -Wformat=2 -Wvla -Wno-missing-field-initializers -Wno-override-init -fno-common -fno-strict-aliasing
  -fstack-protector-strong -fPIE)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-gnu-statement-expression -Wno-format-nonliteral -Wno-string-plus-int)
else()
  # Cutting a text short by snprintf is what we mean where we do it.
  add_compile_options(-fstack-clash-protection -Wno-format-truncation)
endif()
add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
if(AUSPEX_SANITIZE)
  add_compile_options(-fsanitize=${AUSPEX_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${AUSPEX_SANITIZE})
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    # gcc's flow analysis stumbles over what the sanitizers put in between.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-g1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
