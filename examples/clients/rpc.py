"""Starts and stops a process of a cluster. Usage: rpc.py URL NAMESPEC"""
import sys
import xmlrpc.client

url, namespec = sys.argv[1:]
node = xmlrpc.client.ServerProxy(url)
print(node.supervisor.getState()['statename'], node.supvisors.get_supvisors_state()['fsm_statename'])
node.supvisors.start_process('LESS_LOADED', namespec, '', True)
for process in node.supvisors.get_process_info(namespec):
    print(process['process_name'], process['statename'], len(process['identifiers']))
node.supvisors.stop_process(namespec, True)
try:
    node.supvisors.stop_process(namespec, True)
except xmlrpc.client.Fault as fault:
    print(fault.faultCode, fault.faultString)
