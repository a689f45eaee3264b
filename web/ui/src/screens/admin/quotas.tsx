// Quotas: how much a tenant may have, and how much of that is used. The operator sets them.
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useGet, useMay, useRefresh } from '../../api/queries'
import { bytes, count, share } from '../../format'
import { Dialog } from '../../parts/dialog'
import { Form, TextField } from '../../parts/form'
import { Notice, Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import { TenantChoice, useTenantChoice } from './whose'

type Quotas = Schemas['Quotas']

const names: readonly (readonly [keyof Quotas, string, string])[] = [
  ['queued', 'Runs that wait', 'Beyond this a new run is refused.'], ['running', 'Runs at the same time', 'Beyond this a run waits.'], ['portfolios', 'Portfolios', 'Beyond this a new portfolio is refused, but no next version of one that is there.'], ['bytes', 'Size of files', 'Of portfolios and results, as stored.'],
]
const written = (key: keyof Quotas, n: number) => (key === 'bytes' ? bytes(n) : count(n))

export function QuotaSection() {
  const may = useMay()
  const { tenant } = useTenantChoice()
  const choosing = may('quota.change')
  const quotas = useGet('/api/v1/quotas', { query: { tenant: tenant || undefined } }, { enabled: !choosing || tenant !== '' })
  const [changing, setChanging] = useState(false)
  return (
    <section className="section">
      {choosing ? <div className="section-head"><TenantChoice />{tenant ? <div className="actions"><button type="button" onClick={() => setChanging(true)}>Change …</button></div> : null}</div> : null}
      {choosing && !tenant ? <Notice>The appliance itself has no quotas: choose a tenant.</Notice> : (
        <Ready of={quotas} rows={4}>{(q) => <>
          <ul className="quotas">{names.map(([key, name, about]) => (
            <li key={key} className="panel"><h2>{name}</h2><p className="muted small">{about}</p>
              <p><strong>{written(key, q.used[key])}</strong> of {written(key, q.quotas[key])} <span className="muted">{share(q.quotas[key] > 0 ? q.used[key] / q.quotas[key] : undefined)}</span></p>
              <progress max={Math.max(1, q.quotas[key])} value={Math.min(q.used[key], q.quotas[key])} aria-label={name} />
              <p className="muted small">Default: {written(key, q.defaults[key])}</p></li>
          ))}</ul>
          {changing ? <Change tenant={tenant} of={q} onClose={() => setChanging(false)} /> : null}
        </>}</Ready>
      )}
    </section>
  )
}

function Change({ tenant, of: q, onClose }: { tenant: string; of: Schemas['TenantQuotas']; onClose: () => void }) {
  const refresh = useRefresh()
  return (
    <Dialog title="Change the quotas" open onClose={onClose}>
      <p>What the tenant has beyond its quotas it keeps.</p>
      <Form button="Change" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
        const body = Object.fromEntries(names.map(([key]) => [key, Number(data.get(key))])) as unknown as Quotas
        await api.put('/api/v1/quotas', { query: { tenant }, body })
        await refresh('/api/v1/quotas')
        toast('Quotas changed')
        onClose()
      }}>{(fault) => names.map(([key, name]) => <TextField key={key} label={key === 'bytes' ? `${name} (bytes)` : name} name={key} type="number" min={0} step={1} inputMode="numeric" defaultValue={q.quotas[key] === q.defaults[key] ? 0 : q.quotas[key]} hint={`0 is the default, ${written(key, q.defaults[key])}`} fault={fault(key)} />)}</Form>
    </Dialog>
  )
}
