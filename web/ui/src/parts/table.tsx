import { columnVisibilityFeature, createSortedRowModel, rowSortingFeature, sortFns, tableFeatures, useTable, type ColumnDef, type RowData } from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Link } from 'wouter'
import { count } from '../format'
import { useKeys } from '../keys'
import { useSettings } from '../settings'
import { Menu } from './menu'

const features = tableFeatures({ rowSortingFeature, columnVisibilityFeature, sortedRowModel: createSortedRowModel(), sortFns })

export interface Column<T extends RowData> {
  id: string
  header: string // with the unit, as in "Loss (USD)"
  value: (row: T) => string | number | undefined // what is sorted and filtered by
  cell?: (row: T) => ReactNode // what is shown; the value otherwise
  number?: boolean // to the right, in tabular figures
  mono?: boolean
  hidden?: boolean // until the reader chooses it
  wide?: boolean // may break over lines
  spare?: boolean // left out on a narrow screen: what is opened from the row has it
}

export interface TableProps<T extends RowData> {
  caption: string // what the table holds; for screen readers
  title?: string // a heading in the row of the tools, where the table has no section head of its own
  columns: readonly Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
  sort?: { id: string; desc?: boolean } // at first; without it rows are in the order given
  fixedOrder?: boolean // the order is the API's, of more rows than are here
  filter?: boolean // a field to filter by; "/" goes there
  tools?: ReactNode // to the right above the table: downloads
  onOpen?: (row: T) => void // Enter or a click on a row
  href?: (row: T) => string // the first cell is a link there
  chosen?: string // key of the row that is shown elsewhere
  selected?: ReadonlySet<string> // keys of rows with a tick; "x" ticks
  onSelect?: (key: string) => void
  onPoint?: (row: T | undefined) => void // the pointer or focus is on a row
  more?: (() => void) | undefined // there are further rows
  total?: number // of rows, where more are to come
  empty?: ReactNode
  height?: number // px of a scrolling body; rows beyond sight are not drawn
  tall?: boolean // the body is as high as the window has room, at least height
  stacks?: boolean // on a narrow screen a row is a block, each value with its heading: for tables of sentences
  keys?: boolean // j and k go through these rows; one table of a screen has it
}

/** The one table: sorted by its headings, filtered, walked with j and k; long ones draw only what is in sight. */
export function Table<T extends RowData>(p: TableProps<T>) {
  const [text, setText] = useState('')
  const [sorting, setSorting] = useState(p.sort ? [{ id: p.sort.id, desc: p.sort.desc ?? false }] : [])
  const [hidden, setHidden] = useState<Record<string, boolean>>(() => Object.fromEntries(p.columns.filter((c) => c.hidden).map((c) => [c.id, false])))
  const columns = useMemo(() => p.columns.map((c): ColumnDef<typeof features, T> => ({
    id: c.id, accessorFn: c.value as (row: T) => unknown, sortUndefined: 'last', sortFn: c.number ? 'basic' : 'alphanumeric', enableSorting: !p.fixedOrder, sortDescFirst: c.number ?? false,
  })), [p.columns, p.fixedOrder])
  const rows = useMemo(() => {
    const wanted = text.trim().toLowerCase()
    return wanted ? p.rows.filter((r) => p.columns.some((c) => String(c.value(r) ?? '').toLowerCase().includes(wanted))) : (p.rows as T[])
  }, [p.rows, p.columns, text])
  const table = useTable({ features, columns, data: rows as T[], state: { sorting, columnVisibility: hidden }, onSortingChange: setSorting, getRowId: p.rowKey })
  const drawn = table.getRowModel().rows
  const shown = p.columns.filter((c) => hidden[c.id] !== false)
  const scroll = useRef<HTMLDivElement>(null)
  const rowHeight = useRowHeight()
  const long = p.height !== undefined
  const virtual = useVirtualizer({ count: drawn.length, getScrollElement: () => scroll.current, estimateSize: () => rowHeight, overscan: 12, enabled: long, initialRect: { width: 800, height: p.height ?? 0 } })
  // Rows that break over lines are as high as they are; others are all of one height and need no measuring.
  const measure = long && p.columns.some((c) => c.wide) ? virtual.measureElement : undefined
  const inSight = long ? virtual.getVirtualItems() : drawn.map((_, index) => ({ index, start: 0, end: 0 }))
  const lastInSight = inSight.at(-1)?.index ?? -1
  const { more } = p
  useEffect(() => { if (long && more && !text && lastInSight >= drawn.length - 40) more() }, [long, more, text, lastInSight, drawn.length])
  const before = long ? inSight[0]?.start ?? 0 : 0
  const after = long ? virtual.getTotalSize() - (inSight.at(-1)?.end ?? 0) : 0
  const hideable = p.columns.some((c) => c.hidden)
  const inPart = p.total !== undefined && p.total > p.rows.length
  const read = text ? `${count(drawn.length)} of ${count(p.rows.length)}${inPart ? ` read, of ${count(p.total)} in all` : ''}` : inPart ? `${count(p.rows.length)} of ${count(p.total)} read` : ''
  // Rows that open something and hold no link are one stop of the Tab key, at the row that had the focus last: j and k may be switched off.
  const [last, setLast] = useState(0)
  const stop = p.onOpen && !p.href ? inSight.find((r) => r.index === last)?.index ?? inSight[0]?.index : undefined
  const filterField = useRef<HTMLInputElement>(null)
  const focusRow = (index: number) => {
    if (index < 0 || index >= drawn.length) return
    if (long) virtual.scrollToIndex(index)
    requestAnimationFrame(() => scroll.current?.querySelector<HTMLElement>(`tr[data-index="${index}"]`)?.focus())
  }
  const step = (by: number) => {
    const at = Number(scroll.current?.querySelector<HTMLElement>('tr:focus')?.dataset.index ?? -1)
    focusRow(at < 0 ? 0 : at + by)
  }
  useKeys(p.keys ? [
    { keys: 'j', does: 'Next row', run: () => step(1) },
    { keys: 'k', does: 'Row before', run: () => step(-1) },
    ...(p.filter ? [{ keys: '/', does: 'Filter the table', run: () => filterField.current?.focus() }] : []),
  ] : [])
  const onRowKey = (e: KeyboardEvent, row: T) => {
    if (e.target !== e.currentTarget) return
    if (e.key === 'Enter' && p.onOpen) p.onOpen(row)
    else if ((e.key === 'x' || e.key === ' ') && p.onSelect) p.onSelect(p.rowKey(row))
    else if (e.key === 'ArrowDown') step(1)
    else if (e.key === 'ArrowUp') step(-1)
    else return
    e.preventDefault()
  }
  return (
    <div className="table-box">
      {p.title || p.filter || p.tools || hideable ? (
        <div className="table-tools">
          {p.title ? <h2>{p.title}</h2> : null}
          {p.title ? <span className="muted small grow">{read}</span> : null}
          {p.filter ? <input ref={filterField} type="search" aria-label={`Filter ${p.caption}`} placeholder="Filter  /" value={text} onChange={(e) => setText(e.target.value)} onKeyDown={(e) => { if (e.key === 'Escape') { setText(''); e.currentTarget.blur() } }} /> : null}
          {p.title ? null : <span className="muted small grow">{read}</span>}
          {hideable ? (
            <Menu label="Columns">
              {p.columns.map((c) => <label key={c.id}><input type="checkbox" checked={hidden[c.id] !== false} onChange={(e) => { const on = e.currentTarget.checked; setHidden((h) => ({ ...h, [c.id]: on })) }} /> {c.header}</label>)}
            </Menu>
          ) : null}
          {p.tools}
        </div>
      ) : null}
      <div ref={scroll} className={long ? 'scroll long' : 'scroll'} style={long ? { maxHeight: p.tall ? `max(${p.height}px, 100dvh - 400px)` : p.height } : undefined} tabIndex={0} role="region" aria-label={p.caption}>
        <table aria-rowcount={p.total ?? drawn.length} className={p.stacks ? 'stacks' : undefined} role={p.stacks ? 'table' : undefined}>
          <caption className="unseen">{p.caption}</caption>
          <thead role={p.stacks ? 'rowgroup' : undefined}>
            <tr role={p.stacks ? 'row' : undefined}>
              {p.onSelect ? <th scope="col"><span className="unseen">Selected</span></th> : null}
              {shown.map((c) => {
                const column = table.getColumn(c.id)
                const sorted = column?.getIsSorted()
                return (
                  <th key={c.id} scope="col" role={p.stacks ? 'columnheader' : undefined} className={[c.number ? 'number' : '', c.spare ? 'spare' : ''].join(' ').trim() || undefined} aria-sort={sorted ? (sorted === 'asc' ? 'ascending' : 'descending') : undefined}>
                    {p.fixedOrder ? c.header : <button type="button" className="sort" onClick={column?.getToggleSortingHandler()}>{c.header}{sorted ? <span aria-hidden="true">{sorted === 'asc' ? '\u00a0↑' : '\u00a0↓'}</span> : null}</button>}
                  </th>
                )
              })}
            </tr>
          </thead>
          <tbody role={p.stacks ? 'rowgroup' : undefined}>
            {before > 0 ? <tr aria-hidden="true" className="room"><td style={{ height: before }} /></tr> : null}
            {inSight.map(({ index }) => {
              const row = drawn[index]
              if (!row) return null
              const data = row.original
              const key = row.id
              return (
                <tr key={key} ref={measure} role={p.stacks ? 'row' : undefined} data-index={index} aria-rowindex={long ? index + 2 : undefined} tabIndex={index === stop ? 0 : p.onOpen || p.keys || p.onPoint ? -1 : undefined}
                  className={[p.chosen === key ? 'chosen' : '', p.onOpen ? 'opens' : ''].join(' ').trim() || undefined}
                  onClick={p.onOpen ? (e) => { if (!(e.target as Element).closest('a,button,input,label')) p.onOpen?.(data) } : undefined}
                  onKeyDown={(e) => onRowKey(e, data)}
                  onPointerEnter={p.onPoint ? () => p.onPoint?.(data) : undefined} onPointerLeave={p.onPoint ? () => p.onPoint?.(undefined) : undefined}
                  onFocus={() => { setLast(index); p.onPoint?.(data) }}>
                  {p.onSelect ? <td><input type="checkbox" aria-label="Select" checked={p.selected?.has(key) ?? false} onChange={() => p.onSelect?.(key)} /></td> : null}
                  {shown.map((c, i) => {
                    const content = c.cell ? c.cell(data) : c.value(data) ?? '—'
                    return <td key={c.id} role={p.stacks ? 'cell' : undefined} data-header={p.stacks ? c.header : undefined} className={[c.number ? 'number' : '', c.mono ? 'mono' : '', c.wide ? 'wide' : '', c.spare ? 'spare' : ''].join(' ').trim() || undefined}>{i === 0 && p.href ? <RowLink to={p.href(data)}>{content}</RowLink> : content}</td>
                  })}
                </tr>
              )
            })}
            {after > 0 ? <tr aria-hidden="true" className="room"><td style={{ height: after }} /></tr> : null}
          </tbody>
        </table>
        {drawn.length === 0 ? <div className="no-rows">{text ? `Nothing here has “${text}” in it.` : p.empty ?? 'There is nothing to show.'}</div> : null}
      </div>
      {more && !long ? <p className="table-more"><button type="button" onClick={more}>Show more</button></p> : null}
    </div>
  )
}

/** The height of a row, as the style sheet has it for the reader's density and the size of the screen. */
function useRowHeight(): number {
  const { density } = useSettings()
  return useMemo(() => Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--row')) || 27, [density])
}

function RowLink({ to, children }: { to: string; children: ReactNode }) {
  return <Link href={to}>{children}</Link>
}
