// The storage account between agents and functions, and every queue in it. The function app keeps its package here, too.

param location string
param tags object
param names object
param size object

@description('The function tools, named as in services/agents/catalogue.py.')
param tools array

@description('Those of them whose calls keep the order of the conversation.')
param orderedTools array

@description('What the dashboard calls this installation: the queue of its clean-up lease is named after it.')
param environmentType string

param networkIsolation bool
param workspaceId string

// The order ledger of functions/tools/ledger.py has this many queues for each ordered tool.
var ledgers = [0, 1, 2, 3]
var orderQueues = flatten(map(orderedTools, tool => map(ledgers, number => 'relaydeck-order-${replace(tool, '_', '-')}-${number}')))

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: names.toolStorage
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: size.storageSku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: networkIsolation ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'None'
      defaultAction: networkIsolation ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'function-packages'
  properties: {
    publicAccess: 'None'
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource inputs 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for tool in tools: {
  parent: queues
  name: 'azure-function-${replace(tool, '_', '-')}-input'
}]

resource outputs 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for tool in tools: {
  parent: queues
  name: 'azure-function-${replace(tool, '_', '-')}-output'
}]

// Made beforehand, so that alerts and pages work from the first minute and the function app need not create any queue.
resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for tool in tools: {
  parent: queues
  name: 'azure-function-${replace(tool, '_', '-')}-input-poison'
}]

resource order 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for name in orderQueues: {
  parent: queues
  name: name
}]

resource lease 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = {
  parent: queues
  name: 'relaydeck-lease-${environmentType}'
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: queues
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageDelete', enabled: true }
    ]
    metrics: [
      { category: 'Transaction', enabled: true }
    ]
  }
}

output accountId string = account.id
output accountName string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
output packageContainer string = packages.name
output orderQueues array = orderQueues
output leaseQueue string = lease.name
