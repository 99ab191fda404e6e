// The two secrets there are, in a key vault that only the dashboard may read: what signs the audit trail, and what signs
// Streamlit's cookies. All replicas need the same ones.

param location string
param tags object
param names object
param size object
param webPrincipalId string
param networkIsolation bool
param workspaceId string

@secure()
param auditKey string

@secure()
param cookieSecret string

var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: names.vault
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: size.locks ? true : null
    softDeleteRetentionInDays: 7
    publicNetworkAccess: networkIsolation ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: networkIsolation ? 'Deny' : 'Allow'
    }
  }
}

resource audit 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 'audit-key'
  properties: {
    contentType: 'text/plain'
    value: auditKey
  }
}

resource cookie 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 'cookie-secret'
  properties: {
    contentType: 'text/plain'
    value: cookieSecret
  }
}

resource webReadsAudit 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(audit.id, webPrincipalId, roles.keyVaultSecretsUser)
  scope: audit
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

resource webReadsCookie 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(cookie.id, webPrincipalId, roles.keyVaultSecretsUser)
  scope: cookie
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'AuditEvent', enabled: true }
    ]
  }
}

output vaultId string = vault.id
output auditKeyUrl string = audit.properties.secretUri
output cookieSecretUrl string = cookie.properties.secretUri
