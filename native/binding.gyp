{
  # Built against the headers of the node that will run it, and linked to nothing but libcrypt: the process then has exactly one
  # OpenSSL, the one node itself uses (design section 3), and one zlib likewise.
  'targets': [{
    'target_name': 'postern',
    'sources': ['<!@(ls src/*.cc)'],
    'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
    'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', '_GNU_SOURCE'],
    'cflags!': ['-O3'],
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-O3', '-fno-exceptions'],
    'cflags_cc': ['-std=c++20', '-O2', '-fexceptions', '-fvisibility=hidden', '-Wall', '-Wextra', '-Wno-unused-parameter'],
    # Threads and exit handlers outlive an unloading environment.
    'ldflags': ['-Wl,-z,nodelete'],
    # crypt(3), for the passwords of users who came from elsewhere.
    'libraries': ['-lcrypt'],
  }],
}
