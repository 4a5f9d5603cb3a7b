/**
 * Variables that make a program load or run something else. Whoever may write a secret must not thereby run code as everybody who
 * uses it, so these come from a secret only when they are named.
 */
const families = /^(LD_|DYLD_|BASH_FUNC_|GIT_CONFIG_|npm_config_|NPM_CONFIG_)/;

const names: ReadonlySet<string> = new Set([
  'BASH_ENV',
  'CDPATH',
  'CLASSPATH',
  'COMSPEC',
  'EDITOR',
  'ENV',
  'GCONV_PATH',
  'GIT_ASKPASS',
  'GIT_EDITOR',
  'GIT_EXEC_PATH',
  'GIT_EXTERNAL_DIFF',
  'GIT_PAGER',
  'GIT_PROXY_COMMAND',
  'GIT_SSH',
  'GIT_SSH_COMMAND',
  'GLOBIGNORE',
  'HOME',
  'IFS',
  'JAVA_TOOL_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'LESSCLOSE',
  'LESSOPEN',
  'LOCPATH',
  'MANPAGER',
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'NODE_PATH',
  'OPENSSL_CONF',
  'OPENSSL_ENGINES',
  'PAGER',
  'PATH',
  'PERL5DB',
  'PERL5LIB',
  'PERL5OPT',
  'PERLLIB',
  'PROMPT_COMMAND',
  'PS4',
  'PYTHONHOME',
  'PYTHONINSPECT',
  'PYTHONPATH',
  'PYTHONSTARTUP',
  'RUBYLIB',
  'RUBYOPT',
  'SHELL',
  'SHELLOPTS',
  'SSH_ASKPASS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
  'TERMINFO',
  'VISUAL',
  'ZDOTDIR',
  '_JAVA_OPTIONS',
]);

export function steersPrograms(name: string): boolean {
  return families.test(name) || names.has(name);
}
