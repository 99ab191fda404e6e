// What somebody is woken for. The queries lie beside, in infra/alerts, where tests run them.

param location string
param tags object
param names object
param workspaceId string
param webAppId string

@description('Where alerts go to. Empty: they are seen in the portal only.')
param email string

var receivers = empty(email) ? [] : [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]

var rules = [
  {
    name: 'poison'
    title: 'Messages were given up on'
    text: 'A queue of a function tool has poison. Find out why on the page Queues before anything is sent back.'
    query: loadTextContent('../alerts/poison.kql')
    severity: 2
    every: 'PT5M'
    over: 'PT15M'
  }
  {
    name: 'oldest-message'
    title: 'Nobody takes work'
    text: 'For a quarter of an hour the oldest message of an input queue was more than five minutes old. Is the function app running?'
    query: loadTextContent('../alerts/oldest-message.kql')
    severity: 1
    every: 'PT5M'
    over: 'PT15M'
  }
  {
    name: 'failed-runs'
    title: 'Questions fail'
    text: 'More than a fifth of the questions of the last half hour ended without an answer. Doctor says what is wrong.'
    query: loadTextContent('../alerts/failed-runs.kql')
    severity: 1
    every: 'PT5M'
    over: 'PT30M'
  }
  {
    name: 'silence'
    title: 'Relaydeck is silent'
    text: 'No reading of any queue for half an hour: neither dashboard nor alerts see anything. Is the dashboard running?'
    query: loadTextContent('../alerts/silence.kql')
    severity: 1
    every: 'PT15M'
    over: 'PT30M'
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${names.alert}-operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'relaydeck'
    enabled: true
    emailReceivers: receivers
  }
}

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: '${names.alert}-${rule.name}'
  location: location
  tags: tags
  properties: {
    displayName: 'Relaydeck: ${rule.title}'
    description: rule.text
    severity: rule.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: rule.every
    windowSize: rule.over
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: [operators.id]
    }
  }
}]

resource restarts 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${names.alert}-restarts'
  location: 'global'
  tags: tags
  properties: {
    description: 'A replica of the dashboard was started again and again. Its log is in ContainerAppConsoleLogs.'
    severity: 2
    enabled: true
    scopes: [webAppId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'restarts'
          metricNamespace: 'Microsoft.App/containerApps'
          metricName: 'RestartCount'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 2
        }
      ]
    }
    autoMitigate: true
    actions: [
      { actionGroupId: operators.id }
    ]
  }
}
