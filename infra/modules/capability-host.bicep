// The standard agent setup: connections to the stores one after the other (at once they conflict), then the capability
// host, then the role that only makes sense once the host has made its database. Function tools need all of it.

param foundryName string
param projectName string
param projectPrincipalId string
param cosmosName string
param searchName string
param storageName string
param insightsName string

resource account 'Microsoft.CognitiveServices/accounts@2026-03-01' existing = {
  name: foundryName
}

resource project 'Microsoft.CognitiveServices/accounts/projects@2026-03-01' existing = {
  parent: account
  name: projectName
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: cosmosName
}

resource search 'Microsoft.Search/searchServices@2025-05-01' existing = {
  name: searchName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource threads 'Microsoft.CognitiveServices/accounts/projects/connections@2026-03-01' = {
  parent: project
  name: 'threads'
  properties: {
    authType: 'AAD'
    category: 'CosmosDb'
    target: cosmos.properties.documentEndpoint
    metadata: {
      ApiType: 'Azure'
      ResourceId: cosmos.id
      location: cosmos.location
    }
  }
}

resource files 'Microsoft.CognitiveServices/accounts/projects/connections@2026-03-01' = {
  parent: project
  name: 'files'
  properties: {
    authType: 'AAD'
    category: 'AzureStorageAccount'
    target: storage.properties.primaryEndpoints.blob
    metadata: {
      ApiType: 'Azure'
      ResourceId: storage.id
      location: storage.location
    }
  }
  dependsOn: [
    threads
  ]
}

resource vectors 'Microsoft.CognitiveServices/accounts/projects/connections@2026-03-01' = {
  parent: project
  name: 'vectors'
  properties: {
    authType: 'AAD'
    category: 'CognitiveSearch'
    target: search.properties.endpoint
    metadata: {
      ApiType: 'Azure'
      ResourceId: search.id
      location: search.location
    }
  }
  dependsOn: [
    files
  ]
}

// What the service itself traces of runs. Its only way to sign in is the connection string, which allows writing alone.
resource traces 'Microsoft.CognitiveServices/accounts/projects/connections@2026-03-01' = {
  parent: project
  name: 'traces'
  properties: {
    authType: 'ApiKey'
    category: 'AppInsights'
    credentials: {
      key: insights.properties.ConnectionString
    }
    isSharedToAll: false
    target: insights.id
    metadata: {
      ApiType: 'Azure'
      ResourceId: insights.id
      location: insights.location
    }
  }
  dependsOn: [
    vectors
  ]
}

resource host 'Microsoft.CognitiveServices/accounts/projects/capabilityHosts@2026-03-01' = {
  parent: project
  name: 'agents'
  properties: {
    #disable-next-line BCP037 // the service wants it; the published type does not know it
    capabilityHostKind: 'Agents'
    threadStorageConnections: [threads.name]
    storageConnections: [files.name]
    vectorStoreConnections: [vectors.name]
  }
  dependsOn: [
    traces
  ]
}

// On the database and not on its containers, whose names differ between regions and versions of the service.
resource projectWritesThreads 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = {
  parent: cosmos
  name: guid(cosmos.id, projectPrincipalId, 'enterprise_memory')
  properties: {
    principalId: projectPrincipalId
    roleDefinitionId: '${cosmos.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002' // Cosmos DB Built-in Data Contributor
    scope: '${cosmos.id}/dbs/enterprise_memory'
  }
  dependsOn: [
    host
  ]
}
