// Whose users are meant: administrators' own tenant; operators choose the appliance or a tenant.
import type { Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { SelectField } from '../../parts/form'
import { useUrlState } from '../../url'

/** The tenant that an operator chose, in the address; "" is the reader's own. */
export function useTenantChoice() {
  const [tenant, choose] = useUrlState('tenant')
  return { tenant, choose }
}

export function TenantChoice() {
  const may = useMay()
  const { tenant, choose } = useTenantChoice()
  const tenants = useGet('/api/v1/tenants', {}, { enabled: may('tenant.list') }).data
  if (!may('tenant.list')) return <span />
  const live = ((tenants?.items ?? []) as Schemas['Tenant'][]).filter((t) => !t.erased)
  return (
    <SelectField label="Tenant" value={tenant} onChange={(e) => choose(e.target.value)}>
      <option value="">the appliance (operators)</option>
      {live.map((t) => <option key={t.id} value={t.id}>{t.name}</option>)}
    </SelectField>
  )
}

const ofTenants = ['admin', 'modeler', 'analyst', 'approver', 'viewer'] as const

/** Roles that the reader can give there: operators add an administrator to a tenant, and operators to the appliance. */
export function roleNames(role: string | undefined, tenant: string, own: string | undefined): readonly Schemas['RoleName'][] {
  if (role !== 'operator') return ofTenants
  return tenant === '' || tenant === own ? ['operator'] : ['admin']
}
