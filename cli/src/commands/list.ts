/** Shows a list of the admin API: all its pages up to a limit, as a table or as JSON. */
import type { Run } from '../run.ts'
import type { AdminCall, Json } from '../service/api.ts'
import type { Column } from '../terminal/table.ts'

/** A list to show. */
export interface List {
  readonly path: string
  readonly query?: AdminCall['query']
  /** The member of the answer, and of the document, that holds the items. */
  readonly member: string
  readonly limit: number
  readonly columns: readonly Column<Json>[]
  /** The sentence for an empty list. */
  readonly empty: string
}

/** Reads and shows the list. */
export async function showList({ api, report }: Run, list: List): Promise<void> {
  const { path, query = {}, member, limit, columns, empty } = list
  const { items, hasMore } = await (await api()).pages(
    { method: 'GET', path, query },
    member,
    limit,
  )
  report.document({ [member]: items, has_more: hasMore })
  if (items.length === 0) return report.line(empty)
  report.table(columns, items)
  if (hasMore) report.note('There are more: --limit all shows them.', 'quiet')
}
