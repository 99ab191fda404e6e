// Who may do what with which queue: docs/permissions.md, as role assignments.

param accountName string
param tools array
param orderQueues array
param leaseQueue string

param webPrincipalId string
param functionPrincipalId string
param projectPrincipalId string

@description('Whether operators may work on poison in the dashboard: its identity may then receive from poison queues and replay.')
param poisonDesk bool

@description('Object id of whoever deploys, to run the dashboard at home against this environment. Empty: nobody.')
param deployerId string
param deployerType string

var roles = loadJsonContent('../roles.json')
var contributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageQueueDataContributor)
var sender = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageQueueDataMessageSender)
var reader = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageQueueDataReader)
var deskTools = poisonDesk ? tools : []
var blobOwner = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataOwner)

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: accountName
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' existing = {
  parent: account
  name: 'default'
}

resource inputs 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = [for tool in tools: {
  parent: queues
  name: 'azure-function-${replace(tool, '_', '-')}-input'
}]

resource outputs 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = [for tool in tools: {
  parent: queues
  name: 'azure-function-${replace(tool, '_', '-')}-output'
}]

resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = [for tool in tools: {
  parent: queues
  name: 'azure-function-${replace(tool, '_', '-')}-input-poison'
}]

resource order 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = [for name in orderQueues: {
  parent: queues
  name: name
}]

resource lease 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: queues
  name: leaseQueue
}

// The function app: takes work (Message Processor cannot renew a message), answers, gives up, keeps the order.

resource functionOwnsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, functionPrincipalId, blobOwner)
  scope: account
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobOwner
  }
}

resource functionTakes 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (tool, i) in tools: {
  name: guid(inputs[i].id, functionPrincipalId, contributor)
  scope: inputs[i]
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: contributor
  }
}]

resource functionAnswers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (tool, i) in tools: {
  name: guid(outputs[i].id, functionPrincipalId, sender)
  scope: outputs[i]
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: sender
  }
}]

resource functionGivesUp 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (tool, i) in tools: {
  name: guid(poison[i].id, functionPrincipalId, sender)
  scope: poison[i]
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: sender
  }
}]

resource functionKeepsOrder 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, i) in orderQueues: {
  name: guid(order[i].id, functionPrincipalId, contributor)
  scope: order[i]
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: contributor
  }
}]

// The Foundry project: its agents put calls in and take answers out.

resource projectCalls 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (tool, i) in tools: {
  name: guid(inputs[i].id, projectPrincipalId, contributor)
  scope: inputs[i]
  properties: {
    principalId: projectPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: contributor
  }
}]

resource projectTakesAnswers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (tool, i) in tools: {
  name: guid(outputs[i].id, projectPrincipalId, contributor)
  scope: outputs[i]
  properties: {
    principalId: projectPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: contributor
  }
}]

// The dashboard: peeks everywhere, receives nowhere but from its own lease and, where wanted, from poison.

resource webPeeks 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, webPrincipalId, reader)
  scope: account
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: reader
  }
}

resource webHoldsLease 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(lease.id, webPrincipalId, contributor)
  scope: lease
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: contributor
  }
}

resource webWorksOnPoison 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (tool, i) in deskTools: {
  name: guid(poison[i].id, webPrincipalId, contributor)
  scope: poison[i]
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: contributor
  }
}]

resource webReplays 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (tool, i) in deskTools: {
  name: guid(inputs[i].id, webPrincipalId, sender)
  scope: inputs[i]
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: sender
  }
}]

resource deployerPeeks 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerId)) {
  name: guid(account.id, deployerId, reader)
  scope: account
  properties: {
    principalId: deployerId
    principalType: deployerType
    roleDefinitionId: reader
  }
}
