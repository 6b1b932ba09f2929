/** Shows on standard error what is being measured: one line that changes on a terminal, one line per step elsewhere. */

/** The display. */
export interface Progress {
  begin(title: string): void
  step(text: string): void
  end(): void
}

/** @param count of all measures */
export function createProgress(count: number): Progress {
  const startedAt = performance.now()
  const { stderr } = process
  let index = 0
  let title = ''

  function show(text: string): void {
    const elapsed = new Date(performance.now() - startedAt).toISOString().slice(14, 19)
    const line = `[${index}/${count}] ${elapsed} ${title}${text === '' ? '' : `: ${text}`}`
    if (stderr.isTTY) stderr.write(`\r\x1b[K${line.slice(0, stderr.columns - 1)}`)
    else stderr.write(`${line}\n`)
  }

  return {
    begin(next) {
      index++
      title = next
      show('')
    },
    step: show,
    end() {
      if (stderr.isTTY) stderr.write('\r\x1b[K')
    },
  }
}
