/** `claimcheck completion`: completion scripts, made from the command tree. */
import type { Command } from 'commander'
import { addCommand, handle, type Setup } from '../command.ts'
import { completionScript, SHELLS, type Shell } from '../completion-script.ts'
import { usage } from '../exit.ts'

/** Adds the command. */
export function addCompletionCommand(program: Command, setup: Setup): void {
  const completion = addCommand(program, 'completion <shell>', {
    summary: 'print a completion script for bash, zsh or fish',
    examples: [
      ['source <(claimcheck completion bash)', 'bash, for this session'],
      ['claimcheck completion zsh > ~/.zfunc/_claimcheck', 'zsh, permanently (a folder in fpath)'],
      [
        'claimcheck completion fish > ~/.config/fish/completions/claimcheck.fish',
        'fish, permanently',
      ],
    ],
  })
  handle<object, [string]>(completion, setup, async ({ report }, _options, shell) => {
    if (!SHELLS.includes(shell as Shell)) {
      throw usage(
        `there is no completion script for ${shell}`,
        `Choose one of ${SHELLS.join(', ')}.`,
      )
    }
    report.secret(completionScript(program, shell as Shell))
  })
}
