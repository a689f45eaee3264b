// Webhooks: addresses that hear of events, their secrets, and what became of deliveries.
import { useMemo, useState } from 'react'
import { api, newKey, type Schemas } from '../../api/client'
import { useGet, useList, useMay, useRead, useRefresh, useForget } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { CheckField, Form, TextField } from '../../parts/form'
import { Person, useObjects, ObjectName, usePeople } from '../../parts/names'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Empty, Failure, Loading, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { toast } from '../../parts/toast'
import { useUrlChoice, useUrlState } from '../../url'
import { OverlapField } from './apikeys'
import { Confirm, Once, type Secret } from './once'

type Webhook = Schemas['Webhook']
type Delivery = Schemas['Delivery']

// As openapi.yaml lists them at NewWebhook.
export const eventTypes = ['portfolio.imported', 'portfolio.replaced', 'portfolio.deleted', 'run.queued', 'run.started', 'run.done', 'run.failed', 'run.cancelled', 'run.sealed', 'estimate.ended', 'approval.requested', 'approval.decided'] as const

export function Webhooks() {
  const list = useGet('/api/v1/webhooks', {})
  const may = useMay()
  const [chosen, choose] = useUrlState('webhook')
  const [adding, setAdding] = useState(false)
  const [secret, setSecret] = useState<Secret>()
  const hooks = (list.data?.items ?? []) as Webhook[]
  const columns = useMemo((): Column<Webhook>[] => [
    { id: 'name', header: 'Name', value: (w) => w.name },
    { id: 'state', header: 'State', value: (w) => (w.off ? 'off' : 'on'), cell: (w) => (w.off ? <Tag mark="—" tone="muted">Off</Tag> : <Tag mark="●" tone="ok">On</Tag>) },
    { id: 'url', header: 'Address', mono: true, wide: true, value: (w) => w.url },
    { id: 'events', header: 'Events', number: true, value: (w) => w.events.length },
    { id: 'rotated', header: 'Secret since (UTC)', value: (w) => w.rotated, cell: (w) => <Time at={w.rotated} bare /> },
  ], [])
  return (
    <>
      <section className="section">
        <div className="section-head"><p className="muted">A delivery says that something happened to an object, nothing of what is in it, and is signed with HMAC-SHA256.</p>{may('webhook.add') ? <div className="actions"><button type="button" className="primary" onClick={() => setAdding(true)}>Add a webhook …</button></div> : null}</div>
        {list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : !list.data ? <Loading /> : hooks.length === 0 ? <Empty title="No webhooks yet"><p>Name an https address that should hear of runs, seals and approvals. Where the appliance is air-gapped, deliveries wait until the mode allows them.</p></Empty> : (
          <div className={chosen ? 'split beside' : undefined}>
            <Table caption="Webhooks" stacks columns={columns} rows={hooks} rowKey={(w) => w.id} keys chosen={chosen} onOpen={(w) => choose(w.id)} />
            {chosen ? <OneWebhook key={chosen} id={chosen} onClose={() => choose('')} onSecret={setSecret} /> : null}
          </div>
        )}
      </section>
      <Deliveries hooks={hooks} />
      {adding ? <AddWebhook onClose={() => setAdding(false)} onSecret={setSecret} /> : null}
      {secret ? <Once of={secret} onClose={() => setSecret(undefined)} /> : null}
    </>
  )
}

function Fields({ of: w, fault }: { of?: Webhook; fault: (name: string) => string | undefined }) {
  return (
    <>
      <TextField label="Name" name="name" required maxLength={200} defaultValue={w?.name} autoComplete="off" fault={fault('name')} />
      <TextField label="Address" name="url" type="url" required defaultValue={w?.url} placeholder="https://" autoComplete="off" hint="https, without user, password and fragment" fault={fault('url')} />
      <fieldset className="scope-choice"><legend>Events</legend>
        {fault('events') ? <p className="fault">✕ {fault('events')}</p> : null}
        {eventTypes.map((e) => <label key={e}><input type="checkbox" name="events" value={e} defaultChecked={w ? w.events.includes(e) : e === 'run.done' || e === 'approval.decided'} /> <code>{e}</code></label>)}
      </fieldset>
      <CheckField label="Off: nothing is sent to it" name="off" defaultChecked={w?.off} />
    </>
  )
}

function bodyOf(data: FormData): Schemas['NewWebhook'] {
  return { name: String(data.get('name')), url: String(data.get('url')), events: data.getAll('events').map(String), off: data.get('off') !== null }
}

function AddWebhook({ onClose, onSecret }: { onClose: () => void; onSecret: (s: Secret) => void }) {
  const refresh = useRefresh()
  const [key] = useState(newKey)
  return (
    <Dialog title="Add a webhook" open onClose={onClose} wide>
      <Form button="Add the webhook" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        const made = (await api.post('/api/v1/webhooks', { body: bodyOf(data), key })).data
        await refresh('/api/v1/webhooks')
        onClose()
        onSecret({ title: 'Secret of the webhook', name: 'webhook-secret', secret: made.secret, what: <>The receiver of “{made.webhook.name}” checks deliveries with it.</> })
      }}>{(fault) => <Fields fault={fault} />}</Form>
    </Dialog>
  )
}

function OneWebhook({ id, onClose, onSecret }: { id: string; onClose: () => void; onSecret: (s: Secret) => void }) {
  const hook = useRead('/api/v1/webhooks/{id}', { path: { id } })
  const may = useMay()
  const people = usePeople()
  const refresh = useRefresh()
  const forget = useForget()
  const [deed, setDeed] = useState<'rotate' | 'delete'>()
  const again = () => refresh('/api/v1/webhooks', '/api/v1/webhook-deliveries')
  return (
    <aside className="panel one" aria-label="Webhook">
      <Ready of={{ data: hook.data, error: hook.error, refetch: hook.refetch }} rows={6}>{({ data: w, etag }) => (
        <>
          <div className="section-head"><h2>{w.name}</h2><button type="button" className="icon" aria-label="Close the webhook" onClick={onClose}>✕</button></div>
          <Facts of={[['Made', <Time key="c" at={w.created} />], ['By', <Person key="b" id={w.by} people={people} />], ['Secret since', <Time key="r" at={w.rotated} />], ...(w.overlap && new Date(w.overlap) > new Date() ? [['Secret of before until', <Time key="o" at={w.overlap} />] as const] : []), ['Id', <CopyText key="i" text={w.id} />]]} />
          {may('webhook.change') ? <Form key={etag} button="Save" send={async (data) => {
            await api.put('/api/v1/webhooks/{id}', { path: { id }, etag, body: bodyOf(data) })
            await again()
            toast('Saved')
          }}>{(fault) => <Fields of={w} fault={fault} />}</Form> : null}
          <div className="actions">
            {may('webhook.send') ? <button type="button" onClick={() => void api.post('/api/v1/webhooks/{id}/trial', { path: { id } }).then(again).then(() => toast('A trial event is on its way')).catch((e: Error) => toast(e.message, 'error'))}>Send a trial event</button> : null}
            {may('webhook.rotate') ? <button type="button" onClick={() => setDeed('rotate')}>Rotate the secret …</button> : null}
            {may('webhook.change') ? <button type="button" className="danger" onClick={() => setDeed('delete')}>Take away …</button> : null}
          </div>
          {deed === 'rotate' ? <Dialog title="Rotate the secret" open onClose={() => setDeed(undefined)}>
            <Form button="Rotate" after={<button type="button" onClick={() => setDeed(undefined)}>Cancel</button>} send={async (data) => {
              const made = (await api.post('/api/v1/webhooks/{id}/rotate', { path: { id }, body: { overlap_seconds: Number(data.get('overlap')) } })).data
              await again()
              setDeed(undefined)
              onSecret({ title: 'New secret of the webhook', name: 'webhook-secret', secret: made.secret, what: <>The receiver of “{w.name}” checks deliveries with it.</> })
            }}>{() => <OverlapField />}</Form>
          </Dialog> : null}
          {deed === 'delete' ? <Confirm title="Take the webhook away" button="Take it away" onClose={() => setDeed(undefined)} send={async () => {
            await api.delete('/api/v1/webhooks/{id}', { path: { id }, etag })
            onClose()
            forget('/api/v1/webhooks/{id}', id)
            await again()
            toast('Taken away')
          }}><p>“{w.name}” hears of nothing more, and what was still to be delivered to it is dropped.</p></Confirm> : null}
        </>
      )}</Ready>
    </aside>
  )
}

const deliveryStates = { pending: ['◔', 'On its way', 'accent'], delivered: ['✓', 'Delivered', 'ok'], 'given-up': ['✕', 'Given up', 'error'] } as const

function Deliveries({ hooks }: { hooks: readonly Webhook[] }) {
  const [state, setState] = useUrlChoice('deliveries', ['past', 'pending'])
  const list = useList('/api/v1/webhook-deliveries', { query: { state, limit: 200 } }, { refetchInterval: 10_000 })
  const may = useMay()
  const refresh = useRefresh()
  const objects = useObjects()
  const names = useMemo(() => new Map(hooks.map((w) => [w.id, w.name])), [hooks])
  const columns = useMemo((): Column<Delivery>[] => [
    { id: 'created', header: 'Since (UTC)', value: (d) => d.created, cell: (d) => <Time at={d.created} bare /> },
    { id: 'state', header: 'State', value: (d) => d.state, cell: (d) => { const [mark, word, tone] = deliveryStates[d.state]; return <Tag mark={mark} tone={tone}>{word}</Tag> } },
    { id: 'event', header: 'Event', mono: true, value: (d) => d.event.type },
    { id: 'object', header: 'Object', value: (d) => objects.get(d.event.object)?.name ?? d.event.object, cell: (d) => <ObjectName id={d.event.object} objects={objects} /> },
    { id: 'webhook', header: 'Webhook', value: (d) => names.get(d.webhook) ?? d.webhook.slice(0, 12) },
    { id: 'attempts', header: 'Attempts', number: true, value: (d) => d.attempts },
    { id: 'status', header: 'HTTP', number: true, value: (d) => d.status },
    { id: 'next', header: 'Next (UTC)', value: (d) => d.next, cell: (d) => <Time at={d.next} bare /> },
    { id: 'failure', header: 'Last failure', wide: true, value: (d) => d.failure ?? '' },
    { id: 'do', header: 'Actions', value: () => '', cell: (d) => (may('webhook.send') && d.state !== 'pending' ? <button type="button" onClick={() => void api.post('/api/v1/webhook-deliveries/{id}/redeliver', { path: { id: d.id } }).then(() => refresh('/api/v1/webhook-deliveries')).then(() => toast('It is delivered once more')).catch((e: Error) => toast(e.message, 'error'))}>Deliver again</button> : null) },
  ], [objects, names, may, refresh])
  return (
    <section className="section">
      <div className="section-head"><h2>Deliveries</h2><div className="actions"><button type="button" aria-pressed={state === 'past'} onClick={() => setState('past')}>Of the last 30 days</button><button type="button" aria-pressed={state === 'pending'} onClick={() => setState('pending')}>On their way</button></div></div>
      {list.error ? <Failure error={list.error} retry={list.refetch} /> : list.isLoading ? <Loading rows={3} /> : <Table caption="Deliveries" stacks columns={columns} rows={list.items as Delivery[]} rowKey={(d) => d.id} fixedOrder more={list.more} empty={state === 'past' ? 'No delivery came to an end in the last 30 days.' : 'Nothing is on its way.'} />}
    </section>
  )
}
