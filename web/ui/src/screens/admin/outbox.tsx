// The outbox: messages to people that no mail server has taken yet. They hold links that let people in, so it is asked for.
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { api, Cancelled, type Schemas } from '../../api/client'
import { copy } from '../../parts/states'
import { Time } from '../../parts/state'
import { Empty, Failure, Loading, Notice } from '../../parts/states'
import { Table, type Column } from '../../parts/table'

type Message = Schemas['Notice']

const pages: Record<string, string> = { invitation: '/accept', 'password-reset': '/reset/accept' }

export function Outbox() {
  const [open, setOpen] = useState(false)
  const list = useQuery({
    queryKey: ['/api/v1/outbox'], enabled: open, retry: false, gcTime: 0, refetchOnWindowFocus: false,
    queryFn: async () => {
      try {
        return await api.get('/api/v1/outbox', { query: { limit: 1000 } })
      } catch (e) {
        if (e instanceof Cancelled) setOpen(false)
        throw e
      }
    },
  })
  const columns = useMemo((): Column<Message>[] => [
    { id: 'created', header: 'Since (UTC)', value: (m) => m.created, cell: (m) => <Time at={m.created} bare /> },
    { id: 'kind', header: 'About', value: (m) => m.kind.charAt(0).toUpperCase() + m.kind.slice(1).replaceAll('-', ' ') },
    { id: 'name', header: 'To', value: (m) => `${m.name} ${m.email}`, cell: (m) => <>{m.name} <span className="muted">{m.email}</span></> },
    { id: 'attempts', header: 'Attempts', number: true, value: (m) => m.attempts },
    { id: 'failure', header: 'Last failure', wide: true, value: (m) => m.failure ?? '' },
    { id: 'expires', header: 'Until (UTC)', value: (m) => m.expires, cell: (m) => <Time at={m.expires} bare /> },
    { id: 'do', header: 'Actions', value: () => '', cell: (m) => (m.token && pages[m.kind] ? <button type="button" onClick={() => void copy(`${location.origin}${pages[m.kind]}#${m.token}`)}>Copy the link</button> : null) },
  ], [])
  if (!open) {
    return (
      <section className="section">
        <Notice>Messages hold links that let people in. That you looked is in the audit trail, and it wants a proof of the last ten minutes.</Notice>
        <div className="actions"><button type="button" className="primary" onClick={() => setOpen(true)}>Show the messages</button></div>
      </section>
    )
  }
  if (list.error && !(list.error instanceof Cancelled)) return <Failure error={list.error} retry={() => void list.refetch()} />
  if (!list.data) return <Loading />
  const items = list.data.items as Message[]
  if (items.length === 0) return <Empty title="The outbox is empty"><p>Invitations, password resets and notices of changes wait here until a mail server takes them, or somebody hands them over.</p></Empty>
  return <section className="section"><Table caption="Messages that were not sent" stacks columns={columns} rows={items} rowKey={(m) => m.id} filter keys /></section>
}
