// Who did what: the table of the audit trail, and the rule through which alone records come into it. The columns are those
// of services/audit/record.py.

param location string
param tags object
param names object
param workspaceName string
param retentionDays int
param webPrincipalId string

@description('Object id of whoever deploys, to run the dashboard at home against this environment. Empty: nobody.')
param deployerId string
param deployerType string

var roles = loadJsonContent('../roles.json')
var columns = loadJsonContent('../audit-columns.json')
var publisher = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource table 'Microsoft.OperationalInsights/workspaces/tables@2025-07-01' = {
  parent: workspace
  name: 'RelaydeckAudit_CL'
  properties: {
    plan: 'Analytics'
    retentionInDays: retentionDays
    totalRetentionInDays: retentionDays
    schema: {
      name: 'RelaydeckAudit_CL'
      columns: columns
    }
  }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' = {
  name: names.auditRule
  location: location
  tags: tags
  kind: 'Direct'
  properties: {
    streamDeclarations: {
      'Custom-RelaydeckAudit_CL': {
        columns: map(columns, column => { name: column.name, type: toLower(column.type) })
      }
    }
    destinations: {
      logAnalytics: [
        { name: 'workspace', workspaceResourceId: workspace.id }
      ]
    }
    dataFlows: [
      {
        streams: ['Custom-RelaydeckAudit_CL']
        destinations: ['workspace']
        outputStream: 'Custom-RelaydeckAudit_CL'
        transformKql: 'source'
      }
    ]
  }
  dependsOn: [
    table
  ]
}

resource webRecords 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(rule.id, webPrincipalId, roles.monitoringMetricsPublisher)
  scope: rule
  properties: {
    principalId: webPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: publisher
  }
}

resource deployerRecords 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerId)) {
  name: guid(rule.id, deployerId, roles.monitoringMetricsPublisher)
  scope: rule
  properties: {
    principalId: deployerId
    principalType: deployerType
    roleDefinitionId: publisher
  }
}

output endpoint string = rule.properties.endpoints.logsIngestion
output ruleId string = rule.properties.immutableId
