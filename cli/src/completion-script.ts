/** Completion scripts for three shells, made from the command tree. They complete commands, options and file names. */
import type { Command } from 'commander'

/** The shells that have a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** One of them. */
export type Shell = (typeof SHELLS)[number]

/** What may follow the words of `path`. */
interface Node {
  /** The words after the program's name, such as `token issue`; '' for the program itself. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly {
    readonly flag: string
    readonly description: string
    readonly takesValue: boolean
  }[]
}

/** Makes the script of a shell. */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, '')
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }
  return scripts[shell](nodes).trimEnd()
}

function nodesOf(command: Command, path: string): readonly Node[] {
  const globals = path === '' ? [] : rootOf(command).options
  const options = [...command.options, ...globals]
  const node: Node = {
    path,
    commands: command.commands.map((child) => ({ name: child.name(), summary: child.summary() })),
    options: [
      ...options.map(({ long, description, required, optional }) => ({
        flag: long ?? '',
        description: description.replaceAll(/['"\\$`[\]:]/g, ''),
        takesValue: required || optional,
      })),
      { flag: '--help', description: 'show help', takesValue: false },
    ].filter(({ flag }) => flag !== ''),
  }
  const children = command.commands.flatMap((child) =>
    nodesOf(child, path === '' ? child.name() : `${path} ${child.name()}`),
  )
  return [node, ...children]
}

function rootOf(command: Command): Command {
  return command.parent === null || command.parent === undefined ? command : rootOf(command.parent)
}

function bashScript(nodes: readonly Node[]): string {
  return `# bash completion of claimcheck
_claimcheck() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path="" word words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$path $word" in
${pathCases(nodes)}
    esac
  done
  case "$prev" in
    ${valueFlags(nodes).join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case "$path" in
${nodes.map((node) => `    "${node.path}") words="${wordsOf(node).join(' ')}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [[ \${#COMPREPLY[@]} -eq 0 && $cur != -* ]]; then COMPREPLY=($(compgen -f -- "$cur")); fi
}
complete -o filenames -F _claimcheck claimcheck
`
}

function pathCases(nodes: readonly Node[]): string {
  return nodes
    .filter(({ path }) => path !== '')
    .map(({ path }) => {
      const parent = path.split(' ').slice(0, -1).join(' ')
      return `      "${parent} ${path.split(' ').at(-1)}") path="${path}" ;;`
    })
    .join('\n')
}

function wordsOf({ commands, options }: Node): readonly string[] {
  return [...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)]
}

function valueFlags(nodes: readonly Node[]): readonly string[] {
  const taking = nodes.flatMap(({ options }) => options).filter(({ takesValue }) => takesValue)
  return [...new Set(taking.map(({ flag }) => flag))]
}

function zshScript(nodes: readonly Node[]): string {
  const described = (text: string, about: string) => `'${text}:${about.replaceAll("'", '')}'`
  return `#compdef claimcheck
_claimcheck() {
  local path_words="" word i
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case "$path_words $word" in
${pathCases(nodes).replaceAll('path=', 'path_words=')}
    esac
  done
  local -a choices
  case "$path_words" in
${nodes
  .map(({ path, commands, options }) => {
    const choices = [
      ...commands.map(({ name, summary }) => described(name, summary)),
      ...options.map(({ flag, description }) => described(flag, description)),
    ]
    return `    "${path}") choices=(${choices.join(' ')}) ;;`
  })
  .join('\n')}
  esac
  _describe 'claimcheck' choices || _files
}
if [ "$funcstack[1]" = "_claimcheck" ]; then _claimcheck "$@"; else compdef _claimcheck claimcheck; fi
`
}

function fishScript(nodes: readonly Node[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", '')}'`
  const lines = nodes.flatMap(({ path, commands, options }) => {
    const condition = `-n ${quoted(`__claimcheck_at ${path}`.trim())}`
    return [
      ...commands.map(
        ({ name, summary }) =>
          `complete -c claimcheck -f ${condition} -a ${name} -d ${quoted(summary)}`,
      ),
      ...options.map(
        ({ flag, description, takesValue }) =>
          `complete -c claimcheck ${condition} -l ${flag.slice(2)}${takesValue ? ' -r' : ''} -d ${quoted(description)}`,
      ),
    ]
  })
  const paths = nodes.map(({ path }) => path).filter((path) => path !== '')
  return `# fish completion of claimcheck
function __claimcheck_at
    set -l at
    for word in (commandline -opc)[2..-1]
        if contains -- (string join ' ' $at $word) ${paths.map(quoted).join(' ')}
            set -a at $word
        end
    end
    test "$at" = "$argv"
end
${lines.join('\n')}
`
}
