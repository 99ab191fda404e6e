// What the standard agent setup keeps its state in: Cosmos DB (threads), AI Search (vectors), Storage (files).
// All three, with their roles, must be there before the capability host is made.

param location string
param tags object
param names object
param size object
param projectPrincipalId string
param networkIsolation bool
param workspaceId string

var roles = loadJsonContent('../roles.json')
var publicAccess = networkIsolation ? 'Disabled' : 'Enabled'
var capabilities = size.cosmosServerless ? [{ name: 'EnableServerless' }] : []

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' = {
  name: names.cosmos
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: capabilities
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: size.zoneRedundant
      }
    ]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: 'Continuous7Days'
      }
    }
    disableKeyBasedMetadataWriteAccess: true
    disableLocalAuth: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: publicAccess
  }
}

resource search 'Microsoft.Search/searchServices@2025-05-01' = {
  name: names.search
  location: location
  tags: tags
  sku: {
    name: size.searchSku
  }
  properties: {
    replicaCount: size.searchReplicas
    partitionCount: 1
    hostingMode: 'Default'
    disableLocalAuth: true
    publicNetworkAccess: publicAccess
  }
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: names.agentStorage
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
    publicNetworkAccess: publicAccess
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: networkIsolation ? 'Deny' : 'Allow'
    }
  }
}

// Threads, runs and files that these hold can be made again by nobody.
resource cosmosLock 'Microsoft.Authorization/locks@2020-05-01' = if (size.locks) {
  name: 'keep-conversations'
  scope: cosmos
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds all conversations of the agents. Remove this lock before azd down.'
  }
}

resource storageLock 'Microsoft.Authorization/locks@2020-05-01' = if (size.locks) {
  name: 'keep-files'
  scope: storage
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the files of the agents. Remove this lock before azd down.'
  }
}

resource projectOperatesCosmos 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(cosmos.id, projectPrincipalId, roles.cosmosDbOperator)
  scope: cosmos
  properties: {
    principalId: projectPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cosmosDbOperator)
  }
}

resource projectFillsIndexes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(search.id, projectPrincipalId, roles.searchIndexDataContributor)
  scope: search
  properties: {
    principalId: projectPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.searchIndexDataContributor)
  }
}

resource projectMakesIndexes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(search.id, projectPrincipalId, roles.searchServiceContributor)
  scope: search
  properties: {
    principalId: projectPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.searchServiceContributor)
  }
}

resource projectWritesFiles 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, projectPrincipalId, roles.storageBlobDataContributor)
  scope: storage
  properties: {
    principalId: projectPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: cosmos
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'ControlPlaneRequests', enabled: true }
    ]
  }
}

output cosmosId string = cosmos.id
output cosmosName string = cosmos.name
output searchId string = search.id
output searchName string = search.name
output storageId string = storage.id
output storageName string = storage.name
