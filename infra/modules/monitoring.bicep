// Where telemetry goes and where history is read from: a Log Analytics workspace and Application Insights on top of it.

param location string
param tags object
param names object
param size object

@description('Object id of the dashboard\'s identity.')
param webPrincipalId string

@description('Object id of whoever deploys, to run the dashboard at home against this environment. Empty: nobody.')
param deployerId string
param deployerType string

var roles = loadJsonContent('../roles.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: names.workspace
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: size.retentionDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

// Local authentication stays on: the exporters of the dashboard and the function app, and the Foundry project's own
// connection below, send with the connection string. It allows writing telemetry, never reading it.
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: names.insights
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: false
  }
}

resource webReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, webPrincipalId, roles.logAnalyticsDataReader)
  scope: workspace
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.logAnalyticsDataReader)
  }
}

resource deployerReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerId)) {
  name: guid(workspace.id, deployerId, roles.logAnalyticsDataReader)
  scope: workspace
  properties: {
    principalId: deployerId
    principalType: deployerType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.logAnalyticsDataReader)
  }
}

output workspaceId string = workspace.id
output workspaceName string = workspace.name
output workspaceCustomerId string = workspace.properties.customerId
output insightsName string = insights.name
output insightsConnectionString string = insights.properties.ConnectionString
